# lib.sh - drives the real program in a real terminal (tmux) and prints TAP. Sourced by the tests of this folder.
#
# The program under test is $CONVTUI. Every test has a run store, a cache and a tmux server of its own, removed at the end.
# Nothing here waits a fixed time: a step polls until the screen (or a file) shows what it should, or the limit passes.
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/convtui-e2e.XXXXXX")
export CONVTUI_RUNS=$work/runs XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state TERM=xterm-256color
limit=${CVT_E2E_LIMIT:-60}
n=0 bad=0
tmx() { tmux -L "convtui-$$" -f /dev/null "$@"; }

finish() {
	tmx kill-server 2>/dev/null
	# A runner outlives its screen by design: ask each to stop, and wait until its lock is free.
	for run in "$CONVTUI_RUNS"/*/; do
		[ -d "$run" ] || continue
		"$CONVTUI" steer "$run" stop >/dev/null 2>&1
	done
	rm -rf "$work"
	echo "1..$n"
	exit $bad
}
trap finish EXIT

ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() {
	n=$((n + 1)) bad=1
	echo "not ok $n - $1"
	screen | sed 's/^/# /'
}
check() { if [ "$1" = 0 ]; then ok "$2"; else not_ok "$2"; fi; }
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }

# start COLSxROWS COMMAND [ENV...]
start() {
	local size=$1 command=$2
	tmx new-session -d -s t -x "${size%x*}" -y "${size#*x}" "${3:-} $command" \; set-option -g remain-on-exit on \; set-option -g escape-time 0
}
screen() { tmx capture-pane -p -t t 2>/dev/null; }
keys() { tmx send-keys -t t "$@"; }
text() { tmx send-keys -t t -l "$1"; }

# until_true WHAT COMMAND...: polls COMMAND until it succeeds; a TAP line either way.
until_true() {
	local what=$1 end=$((SECONDS + limit))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { not_ok "$what"; return 1; }
		sleep 0.05
	done
	ok "$what"
}
shows() { screen | grep -qE -e "$1"; }
shows_not() { ! shows "$1"; }
dead() { [ "$(tmx display-message -p -t t '#{pane_dead}' 2>/dev/null)" = 1 ]; }
