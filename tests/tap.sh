#!/bin/bash
# tap.sh PROGRAM...: runs a test. cmocka 1.1.5 prints a skipped test as "not ok N # SKIP", which TAP counts as a failure: mend the line.
set -o pipefail
"$@" | sed -u -E 's/^not ok ([0-9]+) # SKIP/ok \1 # SKIP/'
