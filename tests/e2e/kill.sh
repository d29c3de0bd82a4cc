#!/bin/bash
# kill.sh [KILLS]: a run killed with -9 anywhere and resumed until it is done ends with the bits of one that was left alone.
#
# KILLS (default 6) are spread over networks and moments: preparing, a batch, evaluation, writing a checkpoint, an inbox with a command, before
# the first checkpoint. Compared at the end: exported weights of the last and the best checkpoint, both CSVs without the times, what commands did.
. "$(dirname "$0")/lib.sh"
kills=${1:-6}
moments=(preparing batch evaluating checkpoint inbox early)
networks=("--arch cnn --layers 2 --image-size 32 --lr 0.01" "--arch vgg-a --image-size 32 --lr 0.001" "--arch googlenet --image-size 64 --lr 0.01")
[ "$kills" -gt 6 ] || networks=("${networks[0]}")
pictures=$(dirname "$(readlink -f "$0")")/pictures
common="--data $pictures --batch 4 --epochs 4 --momentum 0.5 --augment flip"

run_folder() { echo "$CONVTUI_RUNS/$1"; }
queue() { "$CONVTUI" queue $common $1 | awk 'NR == 1 { print $1 }'; }
state() { sed -n 's/^state //p' "$1/live" 2>/dev/null | tr -d '\0'; }
batches() { wc -l <"$1/batches.csv" 2>/dev/null || echo 0; }
# The rows without the last column, which is a time.
rows() { sed 's/,[^,]*$//' "$1"; }

# moment NAME FOLDER: has the run come to the moment at which to kill it?
moment() {
	case $1 in
	preparing) [ -e "$2/lock" ] ;;
	batch) [ "$(batches "$2")" -gt $((RANDOM % 20 + 2)) ] ;;
	evaluating) [ "$(state "$2")" = evaluating ] ;;
	checkpoint) ls "$2" | grep -q '\.tmp$' ;;
	inbox) [ "$(batches "$2")" -gt 5 ] && "$CONVTUI" steer "$2" checkpoint --no-wait >/dev/null 2>&1 ;;
	early) [ -e "$2/batches.csv" ] ;;
	esac
}

# kill_at MOMENT FOLDER: starts a runner and kills it then (or lets it end when the moment does not come).
kill_at() {
	"$CONVTUI" resume "$2" >/dev/null 2>&1 &
	local pid=$! end=$((SECONDS + limit))
	while kill -0 $pid 2>/dev/null && [ $SECONDS -lt $end ]; do
		if moment "$1" "$2"; then kill -9 $pid 2>/dev/null && hits[$1]=$((${hits[$1]:-0} + 1)); break; fi
	done
	wait $pid 2>/dev/null
}

same() {
	local a=$1 b=$2 what
	for what in checkpoint best; do
		"$CONVTUI" export "$a" --to safetensors --checkpoint "$what" --out "$work/a.safetensors" >/dev/null &&
			"$CONVTUI" export "$b" --to safetensors --checkpoint "$what" --out "$work/b.safetensors" >/dev/null &&
			cmp "$work/a.safetensors" "$work/b.safetensors" || { echo "$what differs"; return 1; }
	done
	for what in batches epochs; do
		cmp <(rows "$a/$what.csv") <(rows "$b/$what.csv") || { echo "$what.csv differs"; return 1; }
	done
}

declare -A hits
for options in "${networks[@]}"; do
	reference=$(run_folder "$(queue "$options")")
	"$CONVTUI" resume "$reference" >/dev/null 2>&1
	[ "$(state "$reference")" = done ]
	check $? "the reference ends: $options"
	for ((i = 0; i < kills / ${#networks[@]}; i++)); do
		at=${moments[$((i % ${#moments[@]}))]}
		killed=$(run_folder "$(queue "$options")")
		kill_at "$at" "$killed"
		"$CONVTUI" resume "$killed" >"$work/resume.txt" 2>&1
		what=$(same "$reference" "$killed" 2>&1)
		check $? "killed at $at, resumed: the same bits (${options%% --image*}) $what"
	done
done
for at in "${moments[@]}"; do echo "# killed at $at: ${hits[$at]:-0}"; done
