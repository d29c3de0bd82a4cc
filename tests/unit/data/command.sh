#!/bin/sh
# command.sh CONVTUI FIXTURES: `convtui data` as a user meets it, as TAP.
convtui=$(readlink -f "$1") fixtures=$2 n=0 bad=0
dir=$(mktemp -d "${TMPDIR:-/tmp}/convtui-data-command.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
export XDG_CACHE_HOME="$dir/cache"
# check NAME: passes when the command before it did
check() {
	status=$? n=$((n + 1))
	if [ $status = 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; sed 's/^/# /' "$dir/out" "$dir/err"; bad=1; fi
}
run() { "$convtui" data "$@" >"$dir/out" 2>"$dir/err"; }

mkdir -p "$dir/set/cat" "$dir/set/dog"
cp "$fixtures/rgb.png" "$fixtures/grey.png" "$fixtures/420.jpg" "$dir/set/cat"
cp "$fixtures/noise.png" "$fixtures/rgb.png" "$dir/set/dog"
echo text >"$dir/set/dog/text.jpg"

run "$dir/set" --image-size 32; check "a folder is shown"
grep -Eq '^cat +3 .* 0\.400$' "$dir/out" && grep -Eq '^dog +2 .* 0\.600$' "$dir/out"; check "classes, counts, weights"
grep -q 'dog/text.jpg: not a JPEG or PNG' "$dir/out"; check "the bad file is named"
grep -q 'dog/rgb.png = cat/rgb.png' "$dir/out"; check "the duplicate is named"
! grep -q others "$dir/out"; check "other files have a line only where there are some"
run "$dir/set" --image-size 32 --json && [ "$(wc -l <"$dir/out")" -eq 1 ]; check "--json is one line"
missing=0; for key in classes images mean std bad duplicates; do grep -q "\"$key\":" "$dir/out" || missing=1; done; [ $missing = 0 ]; check "with the keys of the manual"
grep -q '"images":5' "$dir/out" && grep -q '"name":"cat","count":3,"weight":0.4' "$dir/out"; check "and the same figures"
! run "$dir/nowhere" && [ "$(wc -l <"$dir/err")" -eq 1 ] && [ ! -s "$dir/out" ]; check "no such folder is one line on stderr"
echo text >"$dir/set/cat/notes.txt"
run "$dir/set" --image-size 32 && grep -Eq '^others +1, passed over' "$dir/out" && grep -Eq '^bad +1$' "$dir/out"; check "files that are no pictures by their names are counted"
(cd "$dir/set" && "$convtui" data . --val ../set --image-size 32) >"$dir/out" 2>"$dir/err" && grep -Eq '^cat +6 +3 +3 ' "$dir/out"; check "with a folder to validate on"
mkdir "$dir/set/empty"
! run "$dir/set" && grep -q '"empty"' "$dir/err"; check "an empty class folder is named"
run builtin --image-size 32 --json && grep -q '"name":"schooner"' "$dir/out"; check "the built-in pictures"
echo "1..$n"
exit $bad
