#!/bin/bash
# kill.sh [KILLS | MINUTESm]: a run killed with -9 anywhere and resumed until it is done ends with the bits of one that was left alone.
#
# The kills (default 6) are spread over networks and moments: preparing, a batch, evaluation, writing a checkpoint, an inbox with a command,
# before the first checkpoint. Compared at the end: weights of the last and the best checkpoint, both CSVs without the times. This is the program
# as a user has it, killed from outside; a short moment may pass before it is seen (the count of each says so). kills.c hits each for certain.
. "$(dirname "$0")/lib.sh"
kills=${1:-6} until=0
case $kills in *m) until=$((SECONDS + ${kills%m} * 60)) kills=1000000 ;; esac
moments=(preparing batch evaluating checkpoint inbox early)
networks=("--arch cnn --layers 2 --image-size 32 --lr 0.01" "--arch googlenet --image-size 64 --lr 0.01" "--arch vgg-a --image-size 32 --lr 0.001")
[ "$kills" -gt 6 ] || networks=("${networks[0]}")
common="--data $pictures --batch 4 --epochs 4 --momentum 0.5 --augment flip"

# queue NETWORK: a queued run, its folder.
queue() {
	"$CONVTUI" queue $common $1 >"$work/queued" 2>&1 || { sed 's/^/# /' "$work/queued" >&2; return 1; }
	newest
}
# The rows without the last column, which is a time.
timeless() { sed 's/,[^,]*$//' "$1"; }

# moment NAME FOLDER: has the run come to the moment at which to kill it? $at is a batch chosen for this kill.
moment() {
	case $1 in
	preparing) is "$2" preparing ;;
	batch) more_rows_than "$at" "$2/batches.csv" ;;
	evaluating) is "$2" evaluating ;;
	checkpoint) [ -e "$2/checkpoint.safetensors.tmp" ] ;;
	inbox) more_rows_than $((at / 2)) "$2/batches.csv" && "$CONVTUI" steer "$2" checkpoint --wait 0 >/dev/null 2>&1 ;;
	early) [ -e "$2/batches.csv" ] && [ ! -e "$2/checkpoint.safetensors" ] ;;
	esac
}

# kill_at MOMENT FOLDER: starts a runner and kills it then (or lets it end when the moment does not come).
kill_at() {
	[ "$1" != preparing ] || rm -rf "$XDG_CACHE_HOME"
	"$CONVTUI" resume "$2" >/dev/null 2>&1 &
	local pid=$! end=$((SECONDS + limit))
	at=$((RANDOM % 30 + 1))
	while kill -0 $pid 2>/dev/null && [ $SECONDS -lt $end ]; do
		if moment "$1" "$2"; then
			kill -9 $pid 2>/dev/null && hits[$1]=$((${hits[$1]:-0} + 1))
			break
		fi
	done
	wait $pid 2>/dev/null
}

same() {
	local a=$1 b=$2 what
	for what in checkpoint best; do
		"$CONVTUI" export "$a" --to safetensors --checkpoint $what --out "$work/a.safetensors" >/dev/null &&
			"$CONVTUI" export "$b" --to safetensors --checkpoint $what --out "$work/b.safetensors" >/dev/null &&
			cmp "$work/a.safetensors" "$work/b.safetensors" || { echo "$what differs"; return 1; }
		rm -f "$work"/[ab].safetensors
	done
	for what in batches epochs; do
		cmp <(timeless "$a/$what.csv") <(timeless "$b/$what.csv") || { echo "$what.csv differs"; return 1; }
	done
}

declare -A hits tries references
total=0
for ((i = 0; i < kills; i++)); do
	[ $until = 0 ] || [ $SECONDS -lt $until ] || break
	options=${networks[$((i % ${#networks[@]}))]}
	if [ -z "${references[$options]:-}" ]; then
		reference=$(queue "$options")
		"$CONVTUI" resume "$reference" >"$work/out" 2>&1
		is "$reference" "done"
		check $? "the reference ends: $options" "$work/out"
		references[$options]=$reference
	fi
	killed=$(queue "$options")
	moment_name=${moments[$((i / ${#networks[@]} % ${#moments[@]}))]}
	tries[$moment_name]=$((${tries[$moment_name]:-0} + 1))
	kill_at "$moment_name" "$killed"
	"$CONVTUI" resume "$killed" >"$work/resume.txt" 2>&1
	same "${references[$options]}" "$killed" >"$work/same" 2>&1
	status=$?
	cat "$work/resume.txt" >>"$work/same"
	check $status "killed at $moment_name, resumed: the same bits (${options%% --image*})" "$work/same"
	[ $status != 0 ] || rm -rf "$killed"
	total=$((total + 1))
done
echo "# $total runs"
for name in "${moments[@]}"; do echo "# killed at $name: ${hits[$name]:-0} of ${tries[$name]:-0}"; done
