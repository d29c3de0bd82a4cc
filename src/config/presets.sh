#!/bin/sh
# Turns YAML files into the C table of presets: presets.sh FILE.yaml... > presets.c
set -e
export LC_ALL=C
cat <<'END'
/* Made by src/config/presets.sh from presets/. */
#include "convtui/config.h"

static const struct cvt_preset presets[] = {
END
printf '%s\n' "$@" | sed 's/\.yaml$//' | sort | while read -r stem; do
	awk -v name="$(basename "$stem")" '
		NR == 1 && !/^# / { print name ": the first line must be a comment that says what it is" > "/dev/stderr"; exit 1 }
		{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\"") }
		NR == 1 { printf "\t{\"%s\", \"%s\",\n", name, substr($0, 3) }
		{ printf "\t\t\"%s\\n\"\n", $0 }
		END { if (NR) print "\t}," }' "$stem.yaml"
done
cat <<'END'
	{0}
};

const struct cvt_preset *cvt_presets(int *ret_n)
{
	*ret_n = sizeof presets / sizeof *presets - 1;
	return presets;
}
END
