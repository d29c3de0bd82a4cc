#!/bin/bash
# bits.sh [full]: an epoch's weights are the same bits with any number of threads. Short: the best instruction set, 1 and 3 threads; full: each set of this
# machine, 1, 2, 3 and 7 threads (a few minutes).
. "$(dirname "$0")/lib.sh"
threads="1 3" sets=auto
if [ "${1:-}" = full ]; then
	threads="1 2 3 7" sets="x86-64 avx2 avx512"
fi

# digest THREADS SET OPTION...: trains an epoch, prints the digest of its weights and losses; removes the run, as VGG's are large.
digest() {
	local count=$1 set=$2 run
	shift 2
	"$CONVTUI" train --data "$pictures" --epochs 1 --val-fraction 0.2 --threads "$count" --isa "$set" "$@" >"$work/out" 2>"$work/err" </dev/null || return 1
	run=$(newest)
	"$CONVTUI" export "$run" --to safetensors --checkpoint checkpoint --out "$work/weights" >/dev/null 2>>"$work/err" || return 1
	sed 's/,[^,]*$//' "$run/batches.csv" | cat - "$work/weights" | sha256sum | cut -c1-16
	rm -rf "$run" "$work/weights"
}

compare() {
	local what=$1 set=$2 first='' one count
	shift 2
	for count in $threads; do
		one=$(digest "$count" "$set" "$@")
		if [ -z "$one" ]; then
			not_ok "$what, $set, $count threads: an epoch" "$work/err"
			return
		fi
		first=${first:-$one}
		[ "$one" = "$first" ]
		check $? "$what, $set, $count threads: $one"
	done
}

for set in $sets; do
	"$CONVTUI" train --data "$pictures" --epochs 1 --layers 1 --image-size 8 --isa "$set" >/dev/null 2>"$work/err" </dev/null ||
		{ skip "$set" "$(head -1 "$work/err")"; continue; }
	compare CNN "$set" --arch cnn --layers 3 --image-size 52 --batch 11 --momentum 0.9 --augment flip
	compare VGG-11A "$set" --arch vgg-a --image-size 32 --batch 9
	compare GoogLeNet "$set" --arch googlenet --image-size 64 --batch 9
done
