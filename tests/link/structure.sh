#!/bin/sh
# structure.sh ROOT: the rules of the house that a compiler cannot check, as TAP.
cd "$1" || exit 1
n=0 bad=0
# rule NAME LINES: passes when no line offends
rule() {
	n=$((n + 1)) lines=$2
	if [ -z "$lines" ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; echo "$lines" | sed 's/^/# /'; bad=1; fi
}
rule "nothing in src prints or exits" "$(grep -rnE '\b(exit|_exit|abort|printf|fprintf|vprintf|puts|putchar|perror)[[:space:]]*\(' src --include=*.c --include=*.h |
	grep -vE '^[^:]*:[0-9]+:[[:space:]]*(\*|/[/*])' | grep -vE '^src/data/sandbox\.c:[0-9]+:.*\b_exit')"  # the end of its child
rule "ui sees include/convtui and nothing of src" "$(grep -rnE '#include[[:space:]]*[<"](base|nn|arch|data|config|store|train|export|kernels)/' ui --include=*.c --include=*.h)"
rule "runner.h only in cli/train.c and launch.c" "$(grep -rlE '#include[[:space:]]*"convtui/runner.h"' ui | grep -vE '^ui/(cli/train\.c|launch\.c)$')"
rule "src/data/image is the only user of stb_image" "$(grep -rlE '#include[[:space:]]*<stb' src ui | grep -v '^src/data/image')"
rule "ui/term/term is the only user of ncurses" "$(grep -rlE '#include[[:space:]]*<(n?cursesw?(/curses)?|curses|term)\.h>' src ui | grep -v '^ui/term/term')"
rule "src/config/yaml is the only user of libyaml" "$(grep -rlE '#include[[:space:]]*<yaml\.h>' src ui | grep -v '^src/config/yaml')"
rule "src/nn/gemm is the only caller of OpenBLAS" "$(grep -rlE '#include[[:space:]]*<(cblas|openblas[a-z_]*|f77blas)\.h>' src ui | grep -v '^src/nn/gemm\.')"
rule "no reassociation flags" "$(grep -rnE -e '-ffast-math|-Ofast|-fassociative-math|-funsafe-math' meson.build src ui --include=meson.build)"
rule "no file over 600 lines" "$(find src ui include tests -name '*.[ch]' -size +0 -exec wc -l {} + | awk '$1 > 600 && $2 != "total" { print $2 ": " $1 " lines" }')"
echo "1..$n"
exit $bad
