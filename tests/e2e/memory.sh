#!/bin/bash
# memory.sh: a plan that does not fit the memory this process may use is refused with the largest batch that fits; that one trains, and one more is
# refused. The limits: of the address space (ulimit -v), of data (ulimit -d), of a control group where one can be made.
. "$(dirname "$0")/lib.sh"
one="--data $pictures --layers 3 --image-size 400 --epochs 1 --threads 1"
group=
at_end() { [ -z "$group" ] || rmdir "$group"; }
# under LIMIT COMMAND...: the program under a limit.
under() {
	local limit=$1
	shift
	case $limit in
	group) sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@" ;;
	*) (ulimit $limit && exec "$@") ;;
	esac >"$work/out" 2>"$work/err" </dev/null
}
# fits LIMIT: tries too large a batch, the one that is named, and one more.
fits() {
	local most
	under "$1" "$CONVTUI" train $one --batch 21
	grep -q 'the largest batch that fits is [0-9]' "$work/err" && [ "$(wc -l <"$work/err")" = 1 ]
	check $? "$1: refused in one line" "$work/err"
	most=$(sed -n 's/.*largest batch that fits is \([0-9]*\).*/\1/p' "$work/err")
	[ -n "$most" ] || return
	under "$1" "$CONVTUI" train $one --batch "$most"
	check $? "$1: a batch of $most trains" "$work/err"
	under "$1" "$CONVTUI" train $one --batch $((most + 1))
	grep -q "the largest batch that fits is $most" "$work/err"
	check $? "$1: a batch of $((most + 1)) does not" "$work/err"
}

# The cache of pictures, so that each try finds the same memory taken.
"$CONVTUI" data "$pictures" --image-size 400 >/dev/null || exit 1

# Sanitizers take terabytes of addresses, and pages for their own use beside each of the program's.
if ! (ulimit -v 2000000 && "$CONVTUI" --version) >/dev/null 2>&1; then
	skip "limits of memory" "a sanitizer build"
	exit 0
fi
fits "-v 900000"
fits "-d 700000"
new=/sys/fs/cgroup/memory/convtui-test-$$ old=memory.limit_in_bytes
[ -e /sys/fs/cgroup/cgroup.controllers ] && new=/sys/fs/cgroup/convtui-test-$$ old=memory.max
if mkdir "$new" 2>/dev/null && group=$new && echo 600000000 2>/dev/null >"$new/$old"; then
	fits group
else
	skip "a control group's limit" "none can be made here"
fi
