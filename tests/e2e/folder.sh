#!/bin/bash
# folder.sh: a data folder that takes long to list, as a disk or a folder on a network does: whoever waits sees how far it is, and can leave.
. "$(dirname "$0")/lib.sh"

# Ten thousand classes are links to one folder of five thousand files: minutes of work, a second to make, and no picture in it.
slow=$work/slow
python3 - "$slow" <<'END'
import os, sys
root = sys.argv[1]
os.makedirs(root + ".files")
os.mkdir(root)
for i in range(5000):
    open(f"{root}.files/{i}.txt", "w").close()
for i in range(10000):
    os.symlink(root + ".files", f"{root}/{i:04d}")
END

# ---- convtui data ----
for signal in INT TERM; do
	"$CONVTUI" data "$slow" >"$work/out" 2>"$work/err" &
	pid=$!
	until_true "data walks" grep -q '^SigCgt:.*[1-9a-f]' /proc/$pid/status
	sleep 0.5
	kill -$signal $pid
	wait_for gone $pid
	wait $pid
	[ $? = 1 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -q '^convtui: stopped while listing' "$work/err"
	check $? "$signal ends it with a line" "$work/err"
done

# ---- at a terminal ----
start 80x24 "exec $CONVTUI train --data $slow"
until_true "train says that it lists" shows 'listing: [0-9]+ pictures so far'
keys C-c
until_true "and ^C ends it" ended

# ---- a runner ----
cp -r "$pictures" "$work/set"
"$CONVTUI" queue --data "$work/set" --layers 1 --image-size 16 --batch 12 --epochs 1 >/dev/null 2>&1
run=$(newest)
mv "$work/set" "$work/quick" && mv "$slow" "$work/set"
lists() { is "$run" preparing && [ "$(live "$run" reason)" = listing ]; }
"$CONVTUI" resume "$run" >"$work/out" 2>"$work/err" &
pid=$!
until_true "a runner says that it lists" lists
until_true "in its log as well" grep -q 'listing .* so far' "$run/log.txt"
"$CONVTUI" steer "$run" stop >"$work/steer" 2>&1
check $? "stop is taken meanwhile" "$work/steer"
wait $pid
check "$([ $? = 3 ]; echo $?)" "and ends it"
check "$(is "$run" stopped; echo $?)" "as stopped"
"$CONVTUI" resume "$run" >"$work/out" 2>"$work/err" &
pid=$!
wait_for lists
kill -TERM $pid
wait $pid
check "$([ $? = 3 ]; echo $?)" "TERM ends it, too" "$work/err"

# ---- the dashboard ----
start 120x40 "$CONVTUI; echo left; sleep 1000"
wait_for shows 'convtui .*1 Train'
keys n Enter
text "$work/set"
keys Enter
until_true "the form says how far the count is" shows 'counting pictures: [0-9]'
"$CONVTUI" queue --data "$work/quick" --layers 1 --image-size 16 --epochs 1 >"$work/out" 2>&1
until_true "runs are listed meanwhile" shows ' queued '
keys q
limit=20                               # the rest of the count is longer
until_true "q leaves, without waiting for it" shows '^left'
