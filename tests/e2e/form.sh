#!/bin/bash
# form.sh: the next run is designed in the form. The lambda shows its sequence at each keystroke, an error its place; characters reach a
# field only while it is open; a start that fails says why; a run that was started here ends on the normal screen.
. "$(dirname "$0")/lib.sh"

# The row under the form's cursor, which is painted in reverse.
row() { tmx capture-pane -e -p -t t | grep -a -m1 -o $'\e[[]7m [^\e]*'; }
on() { case $(row) in $'\e[7m '"$1"*) true ;; *) false ;; esac; }
moved() { [ "$(row)" != "$was" ]; }
# to LABEL: moves the cursor of the form to a row.
to() {
	local i was
	keys Home
	wait_for on 'data ' || return 1
	for ((i = 0; i < 40; i++)); do
		on "$1" && return 0
		was=$(row)
		keys Down
		wait_for moved || return 1
	done
	return 1
}
# fill LABEL TEXT: opens the field and types over it.
fill() {
	to "$1"
	keys Enter
	wait_for shows 'Esc undo'
	keys C-u
	text "$2"
}

start 120x40 "$CONVTUI; echo left; sleep 1000"
until_true "an empty store opens the form" shows 'Next run'
until_true "and says what to do" shows 'G starts'
to expansion
check $? "the cursor comes to the expansion"
keys Enter
until_true "Enter opens it" shows 'Esc undo'
keys C-u
text 'x*2 if x < 20 else x + x//2'
until_true "the sequence of maps" shows '3 → 6 → 12 → 24 → 36'
until_true "its parameters" shows '2,391,607 parameters'
keys BSpace BSpace BSpace
until_true "at each keystroke" shows '3 → 6 → 12 → 24 → 48'
keys C-u
text 'x + * 2'
until_true "an error is said" shows 'a value is missing'
# "x + * 2": the caret stands under the star, the fifth column of the text.
caret() {
	local line at
	line=$(screen | grep -n -m1 'x + \* 2' | cut -d: -f1) || return 1
	at=$(screen | sed -n "${line}p" | sed 's/x + \* 2.*//' | wc -m)
	[ "$(screen | sed -n "$((line + 1))p" | sed 's/\^.*//' | wc -m)" = $((at + 4)) ]
}
until_true "with a caret under its place" caret
keys Enter
until_true "Enter does not take it" shows 'x \+ \* 2'
keys Escape
until_true "Esc forgets it" shows '3 → 16 → 29 → 42 → 55'
until_true "and closes the field" shows_not 'Esc undo'

fill expansion 'q1?x'
until_true "characters stay in an open field" shows 'q1\?x'
keys Escape

# ---- a start that fails ----
fill data "$work/nowhere"
keys Enter
to 'conv layers'
keys G
until_true "a folder that is not there is said" shows 'nowhere'
until_true "and the run failed, or was not begun" shows 'failed|cannot|no such|No such'

# ---- a run ----
keys n
until_true "n leads back to the form" shows 'G start'
fill data "$pictures"
keys Enter
fill epochs 3
keys Enter
fill 'image size' 32
keys Enter
fill 'batch size' 16
keys Enter
to 'conv layers'
keys Left Left
until_true "arrows step a row" shows '3 → 16 → 29$|3 → 16 → 29 '
until_true "the pictures of the folder are counted" shows '60 picture files, 3 classes'
keys G
until_true "G starts" shows '(training|evaluating|done) 20'
run=$(newest)
until_true "it ends as done" shows 'done +epoch 3/3'
keys q
until_true "q leaves at once when nothing runs" shows '^left'
until_true "the summary is on the normal screen" shows '^3->16->29 FM total: 45 +[0-9.]+%'
until_true "with the folder" shows "${run##*/}"
check "$([ "$(wc -l <"$run/epochs.csv")" = 4 ]; echo $?)" "three epochs in the folder"
grep -q "^data: .*pictures" "$run/config.yaml" && grep -q '^layers: 2' "$run/config.yaml"
check $? "config.yaml says what was chosen" "$run/config.yaml"

# ---- after the one that trains, with or without the screen ----
"$CONVTUI" queue --data "$pictures" --layers 1 --image-size 16 --batch 4 --epochs 100000 --threads 1 >/dev/null
first=$(newest)
"$CONVTUI" resume "$first" >/dev/null 2>&1 &
wait_for is "$first" training
start 120x40 "$CONVTUI; echo left; sleep 1000"
until_true "the run that trains is attached to" shows "(training|evaluating) ${first##*/}"
keys n
until_true "the form begins with its options" shows 'epochs +100000'
until_true "and its pictures" shows '60 picture files, 3 classes'
keys G
until_true "G asks" shows 'start when it has ended'
keys Enter
until_true "the next is queued, and that is said" shows 'starts after .*, with or without this screen'
second=$(newest)
check "$([ "$first" != "$second" ] && is "$second" queued; echo $?)" "a second run waits"
keys q
until_true "q asks" shows 'leave it running'
keys Enter
until_true "and leaves" shows '^left'
"$CONVTUI" steer "$first" stop >/dev/null
until_true "when the first has ended the second trains, without a screen" is "$second" training
is "$first" stopped
check $? "the first is stopped"
"$CONVTUI" steer "$second" checkpoint >/dev/null
until_true "the log has a command" grep -q 'checkpoint before batch' "$second/log.txt"
check "$([ "$(grep -c 'checkpoint before batch' "$second/log.txt")" = 1 ]; echo $?)" "and once" "$second/log.txt"
start 120x40 "$CONVTUI; echo left; sleep 1000"
until_true "a new screen shows the second" shows "(training|evaluating) ${second##*/}"
"$CONVTUI" queue --data "$pictures" --layers 2 --image-size 16 --batch 4 --epochs 100000 --threads 1 >/dev/null
third=$(newest)
"$CONVTUI" work --after "$second" "${third##*/}" >/dev/null 2>&1 &
"$CONVTUI" steer "$second" stop >/dev/null
until_true "and follows on to the next that is trained" shows "(training|evaluating) ${third##*/}"
"$CONVTUI" steer "$third" stop >/dev/null
until_true "to its end" shows "stopped ${third##*/}"
keys q
until_true "q leaves" shows '^left'

# ---- errors before the screen ----
said() { "$@" >"$work/out" 2>"$work/err" </dev/null; [ $? != 0 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -q '^convtui: ' "$work/err"; }
said "$CONVTUI" nosuchrun
check $? "a run that is not there: one line" "$work/err"
said "$CONVTUI" --start nosuchpreset
check $? "a preset that is not there: one line" "$work/err"
grep -q nosuchpreset "$work/err"
check $? "which names it" "$work/err"
said "$CONVTUI" --runs "$run/live"
check $? "a run store that is a file: one line" "$work/err"
start 80x24 "TERM=nonsense $CONVTUI; echo code \$?; sleep 1000"
until_true "an unknown terminal is said on the normal screen" shows 'convtui: TERM=nonsense'
until_true "with a failure's exit" shows 'code 1'
start 80x24 "$CONVTUI --start nosuchpreset; echo code \$?; sleep 1000"
until_true "a failed start is said on the normal screen" shows '^convtui: .*nosuchpreset'
