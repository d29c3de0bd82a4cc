#!/bin/bash
# work.sh: a sweep of 3 rates x 2 depths from one command; two `work` processes share it, no run is done twice, and the run of the one that is
# killed with -9 is finished by the other.
. "$(dirname "$0")/lib.sh"
pictures=$(dirname "$(readlink -f "$0")")/pictures

state() { sed -n 's/^state //p' "$1/live" 2>/dev/null | tr -d '\0'; }
times() { sed -n 2p "$1/work.csv" 2>/dev/null; }
rows() { [ -e "$1/batches.csv" ] && wc -l <"$1/batches.csv" || echo 0; }
# The runs whose state is $1.
in_state() { for run in "$CONVTUI_RUNS"/*/; do [ "$(state "$run")" != "$1" ] || echo "$run"; done; }
both_train() { [ "$(in_state training | wc -l)" -ge 2 ]; }

epochs=60
# One thread each; long enough that a run cannot end between being seen and being killed.
"$CONVTUI" queue --data "$pictures" --image-size 32 --batch 2 --epochs $epochs --threads 1 --lr 1e-3,3e-3,1e-2 --layers 1..2 >"$work/queued"
check $? "a range and a list make a sweep"
[ "$(wc -l <"$work/queued")" = 6 ] && [ "$(in_state queued | wc -l)" = 6 ]
check $? "3 rates x 2 depths are six runs"

"$CONVTUI" work >"$work/one" 2>&1 &
one=$!
"$CONVTUI" work >"$work/other" 2>&1 &
other=$!
until_true "two work processes train two runs at once" both_train
killed=
until_true "the other is within a run" eval 'killed=$(sed -n "s/^run \([^:]*\):.*/\1/p" "$work/other" | tail -1); [ -n "$killed" ] &&
	[ "$(state "$CONVTUI_RUNS/$killed")" = training ] && [ "$(rows "$CONVTUI_RUNS/$killed")" -gt 20 ]'
kill -9 $other
wait $other 2>/dev/null
[ "$("$CONVTUI" runs --json | grep -c '"state":"crashed"')" = 1 ]
check $? "the killed one's run is crashed"
wait $one
check $? "the one that is left ends well"

[ "$(in_state "done" | wc -l)" = 6 ]
check $? "all six runs are done"
for run in "$CONVTUI_RUNS"/*/; do
	name=$(basename "$run") again=1
	[ "$name" != "$killed" ] || again=2
	[ "$(times "$run")" = $again ] || echo "# $name was begun $(times "$run") times"
	[ "$(times "$run")" = $again ] && [ "$(rows "$run")" = $((1 + 18 * epochs)) ]
	check $? "$name: begun $again times, its rows complete and none twice"
done
# Who is killed three times stays crashed: work gives up, a person need not.
victim=$("$CONVTUI" queue --data "$pictures" --image-size 32 --batch 2 --epochs $epochs --threads 1 | awk '{ print $1 }')
for attempt in 1 2 3; do
	"$CONVTUI" work >/dev/null 2>&1 &
	other=$!
	until_true "attempt $attempt trains it" eval '[ "$(times "$CONVTUI_RUNS/$victim")" = $attempt ] && [ "$(state "$CONVTUI_RUNS/$victim")" = training ]'
	kill -9 $other
	wait $other 2>/dev/null
done
"$CONVTUI" work >"$work/fourth" 2>&1
[ $? = 0 ] && [ ! -s "$work/fourth" ] && [ "$(times "$CONVTUI_RUNS/$victim")" = 3 ]
check $? "after three crashes work leaves it alone"
