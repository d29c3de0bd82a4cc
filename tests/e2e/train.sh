#!/bin/bash
# train.sh: the dashboard trains, is steered, left, killed and attached again; what it shows is what the folder says.
. "$(dirname "$0")/lib.sh"

loss_panel() { screen | sed -n 3,11p; }
differs_from() { [ "$(loss_panel)" != "$1" ]; }

# ---- start ----
start 120x40 "$CONVTUI --start quick"
until_true "the dashboard opens with a run" shows '(preparing|training|evaluating) 20'
until_true "it trains" shows 'training 20'
until_true "a loss is shown" shows 'loss .*mean [0-9]+\.[0-9]+'
run=$(newest)
before=$(loss_panel)
until_true "the curve moves" differs_from "$before"
before=$(loss_panel)
until_true "and goes on moving" differs_from "$before"
until_true "an epoch ends: validation is shown" shows 'val [0-9]+\.[0-9]+%'

# ---- steering ----
# Quick is over within seconds: more epochs, asked for from elsewhere, leave time for the rest.
"$CONVTUI" steer last epochs=4000 >"$work/steer" 2>&1
check $? "steered from a command line" "$work/steer"
until_true "the screen shows it" shows 'epoch [0-9]+/4000'
keys t
until_true "t opens the panel" shows 'Steer'
keys d
until_true "d halves the rate" shows '→ +0\.005'
keys Enter
until_true "commands.csv has the value, absolute" grep -qE '^[0-9]+,[^,]+,lr,0\.005,' "$run/commands.csv"
until_true "the panel shows what is in force" shows 'learning rate +0\.005'
keys Escape
until_true "the rate that trains is shown" shows 'lr 0\.005 .*batch|lr 5e-3 .*batch'
until_true "and its mark is on the chart" shows '[┆:] ?lr.?(0\.005|5e-3)'
batch=$(awk -F, '$3 == "lr" { print $1; exit }' "$run/commands.csv")
took_effect() { awk -F, -v at="$1" 'NR > 1 && $1 == at { found = 1; if ($6 != 0.005) bad = 1 } NR > 1 && $1 == at - 1 { if ($6 != 0.01) bad = 1 }
	END { exit !(found && !bad) }' "$run/batches.csv"; }
until_true "the rows change at the batch that commands.csv names" took_effect "$batch"

# ---- pause ----
keys Space
until_true "Space pauses" shows 'paused 20'
wait_for is "$run" paused
at=$(rows "$run/batches.csv")
keys s
until_true "s is taken while it waits" grep -q ',checkpoint,' "$run/commands.csv"
check $(($(rows "$run/batches.csv") - at)) "and no batch was trained meanwhile"
keys Space
until_true "Space goes on" more_rows_than "$at" "$run/batches.csv"

# ---- leave it running ----
keys q
until_true "q asks" shows 'leave it running'
keys Escape
until_true "Esc stays" shows_not 'leave it running'
keys q
wait_for shows 'leave it running'
keys Enter
until_true "leaving ends the screen" ended
until_true "the normal screen says that it goes on" shows 'goes on without the screen'
at=$(rows "$run/batches.csv")
until_true "it goes on without a screen" more_rows_than "$at" "$run/batches.csv"

# ---- the terminal is killed ----
start 100x30 "$CONVTUI"
until_true "convtui attaches to what runs" shows "(training|evaluating) ${run##*/}"
pid=$(runner_pid "$run")
front=$(tmx display-message -p -t t '#{pane_pid}')
tmx kill-server
until_true "the front end ends with its terminal" gone "$front"
at=$(rows "$run/batches.csv")
until_true "the run does not" more_rows_than "$at" "$run/batches.csv"
check "$([ "$(runner_pid "$run")" = "$pid" ]; echo $?)" "by the same process"

# ---- attached again: the points on the screen are the rows of batches.csv ----
start 120x40 "$CONVTUI last"
until_true "attached again" shows "(training|evaluating) ${run##*/}"
"$CONVTUI" steer last pause >/dev/null
until_true "a pause from elsewhere is seen" shows 'paused 20'
at=$(rows "$run/batches.csv")
keys Tab
wait_for shows ' i crosshair'
keys i
until_true "the crosshair" shows 'loss .* images: '
# "8,231 images:  ⠒ batch 0.0507  ⠶ mean ..." of the loss panel, and of the accuracy panel, as "loss 8231 0.0507" and "accuracy 8231 96.875"
points() { screen | sed -nE 's/.*(loss|accuracy) .* ([0-9]*),?([0-9]+) images: +[^ ]+ batch ([0-9.]+).*/\1 \2\3 \4/p'; }
# The crosshair shows the last row at or before it; its place is rounded to a picture.
match() {
	awk -F, 'NR == FNR { if (FNR > 1) { sum += $3; at[++n] = sum; loss[n] = sprintf("%.4f", $4); accuracy[n] = sprintf("%.3f", 100 * $5 / $3) } next }
		{ seen++; split($0, word, " "); x = word[2] + 0; slack = 0.5; found = 0
			for (i = 1; i <= n; i++)
				if (at[i] <= x + slack && (i == n || at[i + 1] > x - slack) && word[3] == (word[1] == "loss" ? loss[i] : accuracy[i])) found = 1
			if (!found) { print "not a row: " $0; wrong++ } }
		END { print seen " points"; exit wrong > 0 || seen < 12 }' "$run/batches.csv" "$1"
}
: >"$work/points"
for step in 1 2 3 4 5 6 7 8; do
	points >>"$work/points"
	was=$(points)
	keys Left
	moved() { [ "$(points)" != "$was" ]; }
	wait_for moved
done
sort -u "$work/points" -o "$work/points"
match "$work/points" >"$work/match"
check $? "points on the screen are rows of batches.csv" "$work/match"
"$CONVTUI" show last --json >"$work/show.json"
grep -qE "\"batch\": ?32" "$work/show.json" && grep -q "\"run\": *\"${run##*/}\"" "$work/show.json"
check $? "show tells of the same run" "$work/show.json"
"$CONVTUI" steer last resume >/dev/null
until_true "the run is further on" more_rows_than "$at" "$run/batches.csv"
contiguous() { awk -F, 'NR > 1 && $1 != NR - 2 { exit 1 }' "$run/batches.csv"; }
contiguous
check $? "no row was lost or written twice"

# ---- stop and save ----
keys Escape
keys q
wait_for shows 'stop now and save'
keys Down Down
until_true "the third choice" shows '▸ stop now'
keys Enter
until_true "the screen ends" ended
until_true "the run is stopped" is "$run" stopped
check "$([ "$(live "$run" checkpoint_batch)" = "$(live "$run" batch)" ]; echo $?)" "with everything saved"
check "$([ "$(rows "$run/batches.csv")" = "$(live "$run" batch)" ]; echo $?)" "and a row for each batch"
