# lib.sh - drives the real program in a real terminal (tmux) and prints TAP. Sourced by the tests of this folder.
#
# The program under test is $CONVTUI. Every test has a run store, a cache and a tmux server of its own, removed at the end.
# Nothing here waits a fixed time: a step polls until the screen (or a file) shows what it should, or the limit passes.
set -u
: "${CONVTUI:?the path of the program}"
here=$(dirname "$(readlink -f "$0")")
pictures=$here/pictures
work=$(mktemp -d "${TMPDIR:-/tmp}/convtui-e2e.XXXXXX") || exit 1
export CONVTUI_RUNS=$work/runs XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state HOME=$work TMUX_TMPDIR=$work
export TERM=xterm-256color LC_ALL=C.UTF-8
unset TMUX CONVTUI_CHARSET NO_COLOR
limit=${CVT_E2E_LIMIT:-300}
n=0 bad=0
# A server that is on its way out still removes its socket, so each terminal has a socket of its own.
terminals=0
tmx() { tmux -u -L "t$terminals" -f /dev/null "$@"; }

# runner_pid FOLDER: the process that trains the run, by its live page; nothing when there is none.
runner_pid() {
	local pid
	[ -e "$1/live" ] && pid=$(live "$1" pid)
	[ -n "${pid:-}" ] && grep -qaF "$work" "/proc/$pid/environ" 2>/dev/null && echo "$pid"
}

# A runner outlives its screen by design: each of ours is asked to end, and made to where it does not.
end_runners() {
	local run pid end
	for run in "$CONVTUI_RUNS"/*/; do
		pid=$(runner_pid "${run%/}") || continue
		kill -TERM "$pid" 2>/dev/null
		end=$((SECONDS + 10))
		while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.05; done
		kill -9 "$pid" 2>/dev/null
	done
}

finish() {
	tmx kill-server 2>/dev/null
	end_runners
	command -v at_end >/dev/null && at_end
	rm -rf "$work"
	echo "1..$n"
	exit $bad
}
trap finish EXIT

ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() {
	n=$((n + 1)) bad=1
	echo "not ok $n - $1"
	screen | sed 's/^/# /' | grep -v '^# *$'
	[ $# -lt 2 ] || sed 's/^/# /' "$2"
}
# check STATUS WHAT [FILE]: the file is shown when it failed.
check() { if [ "$1" = 0 ]; then ok "$2"; else not_ok "$2" ${3:+"$3"}; fi; }
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }

# start COLSxROWS COMMAND: a terminal of its own in which a shell runs the command. The pane stays when it has ended, but tmux scrolls it by a
# line: end the command in a sleep where its first line matters.
start() {
	local size=$1 command=$2
	tmx kill-server 2>/dev/null
	terminals=$((terminals + 1))
	tmx new-session -d -s t -x "${size%x*}" -y "${size#*x}" "$command" \; set-option -g remain-on-exit on \; set-option -g escape-time 0
}
screen() { tmx capture-pane -p -t t 2>/dev/null; }
keys() { tmx send-keys -t t "$@"; }
text() { tmx send-keys -t t -l "$1"; }

# wait_for COMMAND...: polls until it succeeds; 1 when the limit has passed.
wait_for() {
	local end=$((SECONDS + limit))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
# until_true WHAT COMMAND...: the same with a TAP line.
until_true() {
	local what=$1
	shift
	if wait_for "$@"; then ok "$what"; else not_ok "$what"; return 1; fi
}
shows() { screen | grep -qE -e "$1"; }
shows_not() { ! shows "$1"; }
ended() { [ "$(tmx display-message -p -t t '#{pane_dead}' 2>/dev/null)" = 1 ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }

# What is known of a run from its folder.
live() { { tr -d '\0' <"$1/live"; } 2>/dev/null | sed -n "s/^$2 //p"; }
state() { live "$1" state; }
is() { [ "$(state "$1")" = "$2" ]; }
rows() { local count; count=$({ wc -l <"$1"; } 2>/dev/null) && [ "$count" -gt 0 ] && echo $((count - 1)) || echo 0; }
more_rows_than() { [ "$(rows "$2")" -gt "$1" ]; }
newest() { local all=("$CONVTUI_RUNS"/20*/); [ -d "${all[-1]}" ] && echo "${all[-1]%/}"; }
