#!/bin/bash
# terminal.sh: however the dashboard ends, the terminal is as it was; every size draws and takes q; ^Z and fg; a stopped terminal; plain
# ASCII where the locale is.
. "$(dirname "$0")/lib.sh"

"$CONVTUI" train --data "$pictures" --layers 1 --image-size 16 --batch 12 --epochs 3 >"$work/out" 2>&1
check $? "a run to look at" "$work/out"

# ---- the end of a front end ----
# What the terminal is: its modes, the alternate screen, the cursor, the mouse.
modes() { tmx display-message -p -t t '#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_sgr_flag} #{keypad_cursor_flag}'; }
start 80x24 "stty -a >$work/before; $CONVTUI; stty -a >$work/after; echo left; sleep 1000"
until_true "the dashboard is drawn" shows 'convtui .*1 Train'
drawn=$(modes)
text $'\e[201~'
leaves() { keys q; shows '^left'; }         # a key that comes in one go with the mark is of the paste
until_true "q ends it, also after the mark of a paste that nobody began" leaves
check "$(cmp -s "$work/before" "$work/after"; echo $?)" "stty is the same before and after q"
plain=$(modes)
check "$([ "${plain%% *}" = 0 ] && [ "$drawn" != "$plain" ]; echo $?)" "and the alternate screen is left"

# front_end COMMAND: starts it in a shell that keeps the pid, and waits for the screen.
front_end() {
	start 80x24 "stty -a >$work/before; sh -c 'echo \$\$ >$work/pid; exec $CONVTUI'; echo status \$?; stty -a >$work/after; echo left; sleep 1000"
	wait_for shows 'convtui .*1 Train'
}
for signal in TERM HUP SEGV ABRT QUIT INT USR1 ALRM XCPU; do
	rm -f "$work/after"
	front_end
	keys M
	kill -$signal "$(cat "$work/pid")"
	until_true "SIG$signal ends it" shows '^left'
	[ "$(modes)" = "$plain" ] && cmp -s "$work/before" "$work/after"
	check $? "and the terminal is as before: stty, cursor, alternate screen, mouse ($(modes))"
	screen | grep -q "^status $((128 + $(kill -l $signal)))"
	check $? "by the signal's own end"
done

# ---- sizes ----
"$CONVTUI" queue --data "$pictures" --layers 2 --image-size 48 --batch 4 --epochs 100000 >/dev/null
run=$(newest)
"$CONVTUI" resume "$run" >/dev/null 2>&1 &
until_true "a run trains meanwhile" more_rows_than 5 "$run/batches.csv"
front_end
for size in 80x24 40x10 39x9 10x3 6x2 1x1 300x100 10x3; do
	tmx resize-window -t t -x "${size%x*}" -y "${size#*x}"
	case $size in
	300x100 | 80x24) want='(training|evaluating) 20' ;;
	40x10 | 39x9) want='train|eval' ;;
	6x2) want='^(train|eval)' ;;
	1x1) want='^q$' ;;                      # what was there before, folded into a cell, is no q
	*) want='q' ;;
	esac
	until_true "$size draws" shows "$want"
done
keys q
until_true "q asks also in 10x3" shows 'Enter|leave|quit'
keys Enter
wait_for gone "$(cat "$work/pid")"
check $? "and Enter leaves"
tmx resize-window -t t -x 80 -y 24
until_true "the run goes on" is "$run" training

# ---- two hundred sizes, fast ----
front_end
for ((i = 0; i < 200; i++)); do echo "resize-window -t t -x $((RANDOM % 200 + 1)) -y $((RANDOM % 60 + 1))"; done >"$work/storm"
tmx source-file "$work/storm"
tmx resize-window -t t -x 120 -y 40
until_true "200 resizes later the screen is whole" shows '^ convtui .*1 Train .*(training|evaluating) 20'
whole() { screen | sed -n 40p | grep -q 'q quit' && screen | sed -n 2p | grep -q '╮$'; }
until_true "to its last line and column" whole
tmx resize-window -t t -x 80 -y 24
until_true "and follows once more" shows '(training|evaluating) 20'

# ---- a terminal that stops reading ----
server=$(tmx display-message -p '#{pid}')
at=$(rows "$run/batches.csv")
kill -STOP "$server"
wait_for more_rows_than $((at + 50)) "$run/batches.csv"
check $? "a stopped terminal does not stop the training"
kill -CONT "$server"
until_true "and shows on when it goes on" shows '(training|evaluating) 20'

# ---- ^Z and fg ----
start 80x24 "PS1='prompt> ' bash --norc --noprofile -i"
wait_for shows '^prompt>'
text "stty -a >$work/before; sh -c 'echo \$\$ >$work/pid; exec $CONVTUI'"
keys Enter
wait_for shows '(training|evaluating) 20'
keys C-z
until_true "^Z gives the shell back" shows 'Stopped'
at=$(rows "$run/batches.csv")
until_true "training goes on" more_rows_than "$at" "$run/batches.csv"
text "stty -a >$work/after; echo shell works"
keys Enter
until_true "the shell takes input" shows '^shell works'
check "$(cmp "$work/before" "$work/after" >/dev/null 2>&1; echo $?)" "with the modes that it had"
check "$([ "$(modes | cut -d' ' -f1,2)" = "0 1" ]; echo $?)" "on the normal screen with a cursor"
text fg
keys Enter
until_true "fg brings it back" shows 'convtui .*1 Train .*(training|evaluating) 20'
# A STOP cannot be caught: the shell finds the screen as it was, and the screen the modes of the shell.
kill -STOP "$(cat "$work/pid")"
until_true "a STOP gives the shell back" shows 'Stopped'
text fg
keys Enter
until_true "fg brings it back from that, too" shows 'convtui .*1 Train .*(training|evaluating) 20'
keys q
until_true "with its keys" shows 'leave it running'
keys Enter
until_true "and it leaves" shows 'goes on without the screen'
text "stty -a >$work/after; echo after fg"
keys Enter
wait_for shows '^after fg'
diff "$work/before" "$work/after" >"$work/out" 2>&1
check $? "stty is the same after ^Z, fg and q" "$work/out"

# ---- bytes in pieces ----
# tmux sends whole characters; over a network they may come cut, and a key after what is none.
python3 - "$CONVTUI" >"$work/out" 2>&1 <<'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:2])
def wait(text):
    seen, end = b"", time.time() + float(os.environ.get("CVT_E2E_LIMIT", 60))
    while text not in seen:
        if time.time() > end:
            sys.exit(f"no {text} in {seen}")
        if select.select([fd], [], [], 0.1)[0]:
            seen += os.read(fd, 65536)
wait(b"quit")
os.write(fd, b"/")
wait(b"undo")
os.write(fd, b"\xe2")
time.sleep(0.2)
os.write(fd, b"\x82")
time.sleep(0.2)
os.write(fd, b"\xac")
wait("\u20ac".encode())
os.write(fd, b"\xe9\xffz")
wait(b"z")
os.write(fd, b"\x03")
wait(b"leave it running")
os.write(fd, b"\r")
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
check "$([ "$(cat "$work/out")" = 0 ]; echo $?)" "a character in three pieces is one, and what is none takes no key with it" "$work/out"

# ---- plain ASCII ----
raw() { # ENVIRONMENT
	rm -f "$work/raw"
	start 100x30 "stty raw -echo 2>/dev/null; stty sane; exec env $1 script -qfc '$CONVTUI' $work/raw"
	wait_for shows '(training|evaluating) 20'
	keys '?'
	wait_for shows 'Help|Keys|keys'
	keys Escape t
	wait_for shows 'Steer'
	keys Escape q
	wait_for shows 'leave it running'
	keys Enter
	wait_for ended
}
if command -v script >/dev/null; then
	raw LC_ALL=C
	[ -s "$work/raw" ] && ! LC_ALL=C grep -qP '[\x80-\xff]' "$work/raw"
	check $? "LC_ALL=C: pure ASCII, screen after screen"
	raw LC_ALL=C.UTF-8
	LC_ALL=C grep -qP '[\x80-\xff]' "$work/raw"
	check $? "LC_ALL=C.UTF-8: more"
else
	skip "LC_ALL=C" "script (bsdutils) is not installed"
fi
