#!/bin/bash
# faults.sh: what goes wrong around a run: a disk that is full or read-only, a folder that disappears, a cache that is cut, two runners,
# signals. Nothing is lost in silence, and what was interrupted ends with the bits of what was not. Runs in a mount namespace of its own
# where it may have one, for small and read-only file systems.
if [ -z "${CVT_E2E_MOUNTS:-}" ]; then
	for unshare in "unshare -m" "unshare -rm"; do
		$unshare true 2>/dev/null && CVT_E2E_MOUNTS=1 exec $unshare "$0" "$@"
	done
	export CVT_E2E_MOUNTS=0
fi
. "$(dirname "$0")/lib.sh"
small="--data $pictures --layers 1 --image-size 16 --batch 4"
at_end() { umount "$work/disk" "$work/fixed" 2>/dev/null; }
# timed: a run must not hang where it should end.
run() { timeout "$limit" "$@" >"$work/out" 2>"$work/err" </dev/null; echo $? >"$work/status"; }
status_is() { [ "$(cat "$work/status")" = "$1" ]; }
one_line() { [ "$(wc -l <"$work/err")" = 1 ] && grep -qE "^convtui: .*$1" "$work/err"; }
queue() { "$CONVTUI" queue "$@" 2>/dev/null | sed "s|^|$CONVTUI_RUNS/|; s/ .*//"; }
timeless() { sed 's/,[^,]*$//' "$1"; }
same() {
	cmp <(timeless "$1/batches.csv") <(timeless "$2/batches.csv") && cmp <(timeless "$1/epochs.csv") <(timeless "$2/epochs.csv") || return 1
	local which
	for which in checkpoint best; do
		"$CONVTUI" export "$1" --to safetensors --checkpoint $which --out "$work/a.st" >/dev/null &&
			"$CONVTUI" export "$2" --to safetensors --checkpoint $which --out "$work/b.st" >/dev/null && cmp "$work/a.st" "$work/b.st" || return 1
		rm -f "$work"/[ab].st
	done
}
still_the_same() {
	same "$1" "$2" >"$work/same" 2>&1
	check $? "$3" "$work/same"
}

(ulimit -f 1; run "$CONVTUI" train $small)
status_is 1 && one_line 'File too large'
check $? "a limit on the size of files is one line" "$work/err"

run "$CONVTUI" train $small --epochs 40
status_is 0
check $? "the reference" "$work/err"
reference=$(newest)

# ---- signals ----
# interrupted SIGNAL...: starts a run and sends each signal once some batches are trained; leaves its exit in $status.
interrupted() {
	cut=$(queue $small --epochs 40)
	"$CONVTUI" resume "$cut" >"$work/out" 2>"$work/err" &
	local pid=$!
	wait_for more_rows_than 20 "$cut/batches.csv"
	local signal
	for signal in "$@"; do kill -"$signal" $pid; done
	wait $pid
	status=$?
}
for signal in TERM INT; do
	interrupted $signal
	check "$([ $status = 3 ]; echo $?)" "$signal: exit 3 ($status)" "$work/err"
	is "$cut" stopped && [ "$(live "$cut" checkpoint_batch)" = "$(live "$cut" batch)" ]
	check $? "$signal: all batches are saved"
	run "$CONVTUI" resume "$cut"
	still_the_same "$reference" "$cut" "$signal: resumed, the same bits"
done
grep -qi 'again' <(interrupted INT; cat "$work/err")
check $? "INT is answered at once: a second one would end it"
cut=$(queue --data "$pictures" --layers 4 --image-size 200 --batch 36 --epochs 40 --threads 1)
"$CONVTUI" resume "$cut" >"$work/out" 2>"$work/err" &
pid=$!
wait_for is "$cut" training
kill -INT $pid
wait_for grep -q again "$work/err"
kill -INT $pid
wait $pid
status=$?
check "$([ $status = 130 ] || [ $status = 3 ]; echo $?)" "a second INT ends at once ($status)" "$work/err"
interrupted HUP TERM
check "$([ $status = 3 ]; echo $?)" "HUP does not end a runner"

# ---- a second stop, while the first one's checkpoint is written ----
late=$(queue --data "$pictures" --layers 1 --image-size 128 --epochs 100000)
"$CONVTUI" resume "$late" >/dev/null 2>&1 &
pid=$!
wait_for more_rows_than 2 "$late/batches.csv"
"$CONVTUI" steer "$late" stop >/dev/null
"$CONVTUI" steer "$late" stop >/dev/null 2>"$work/err"
wait $pid
check "$([ -z "$(ls "$late/inbox")" ] || grep -q 'ended before it took' "$work/err"; echo $?)" "a second stop does not wait for the next resume" "$work/err"
rm -rf "$late"

# ---- two runners ----
twice=$(queue $small --epochs 100000)
"$CONVTUI" resume "$twice" >/dev/null 2>&1 &
wait_for more_rows_than 5 "$twice/batches.csv"
run "$CONVTUI" resume "$twice"
status_is 1 && one_line "${twice##*/}"
check $? "a second runner is refused in one line" "$work/err"
at=$(rows "$twice/batches.csv")
until_true "the first one trains on" more_rows_than "$at" "$twice/batches.csv"
run "$CONVTUI" rm "$twice"
[ -d "$twice" ] && ! status_is 0
check $? "rm does not take a run that trains" "$work/err"
# ---- the folder is deleted underneath ----
# In one step: a runner that makes a file while rm walks the folder would leave a part of it.
vanish() { mv "$1" "$work/vanished" && until rm -rf "$work/vanished"; do :; done; }
pid=$(runner_pid "$twice")
"$CONVTUI" steer "$twice" pause >/dev/null
wait_for is "$twice" paused
vanish "$twice"
until_true "a paused run whose folder was deleted ends" gone "$pid"
twice=$(queue --data "$pictures" --layers 2 --image-size 32 --batch 2 --epochs 100000)
"$CONVTUI" resume "$twice" >/dev/null 2>"$work/err" &
pid=$!
wait_for more_rows_than 5 "$twice/batches.csv"
vanish "$twice"
until_true "and one that trains" gone "$pid"
grep -q 'folder is gone' "$work/err"
check $? "which says why" "$work/err"
check "$([ ! -e "$twice" ]; echo $?)" "and does not come back as half a run"

# ---- a resume that cannot begin ----
cp -r "$pictures" "$work/moving"
run "$CONVTUI" train --data "$work/moving" --layers 1 --image-size 16 --batch 4 --epochs 2
finished=$(tail -n 1 "$work/out")
mv "$work/moving" "$work/moved"
run "$CONVTUI" resume "$finished" --epochs 5
status_is 1 && one_line "$work/moving" && is "$finished" done
check $? "a run that is done stays so where its pictures are gone" "$work/err"
run "$CONVTUI" summary --compare
status_is 0 && grep -q "${finished##*/}" "$work/out"
check $? "and in the summary" "$work/out"
mv "$work/moved" "$work/moving"
run "$CONVTUI" resume "$finished" --epochs 5
status_is 0 && [ "$(rows "$finished/epochs.csv")" = 5 ]
check $? "and goes on once they are back" "$work/err"

# ---- what does not go away by waiting ----
blocked=$(queue $small --epochs 1)
mkdir "$blocked/split.csv"
run "$CONVTUI" resume "$blocked"
status_is 1 && one_line 'split.csv: Is a directory'
check $? "a folder where a file belongs ends the run" "$work/err"
# ---- what nobody asked to be queued ----
before=$(ls "$CONVTUI_RUNS")
(ulimit -n 5 && run "$CONVTUI" train $small --epochs 1)
status_is 1 && one_line 'Too many open files' && [ "$(ls "$CONVTUI_RUNS")" = "$before" ]
check $? "train that cannot begin leaves nothing for work" "$work/err"
# ---- a standard output that takes nothing ----
"$CONVTUI" runs --json >&- 2>"$work/err"
one_line 'standard output'
check $? "is said in one line" "$work/err"

# ---- the cache ----
cache=$(find "$XDG_CACHE_HOME" -name '*.pixels' -size -100k | head -1)
check "$([ -n "$cache" ]; echo $?)" "there is a cache of pictures"
damaged() { # WHAT: all caches are damaged already
	again=$(queue $small --epochs 40)
	run "$CONVTUI" resume "$again"
	status_is 0
	check $? "$1: it trains" "$work/err"
	still_the_same "$reference" "$again" "$1: with the same bits"
}
for file in "$XDG_CACHE_HOME"/convtui/*; do truncate -s $(($(stat -c %s "$file") / 2)) "$file"; done
damaged "a cache cut in half"
for file in "$XDG_CACHE_HOME"/convtui/*; do head -c "$(stat -c %s "$file")" /dev/urandom >"$file"; done
damaged "a cache of noise"
for file in "$XDG_CACHE_HOME"/convtui/*; do printf x | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") - 5000)) conv=notrunc status=none; done
damaged "a cache with one wrong byte"

# ---- JSON ----
run "$CONVTUI" train $small --epochs 2 --json
python3 - "$work/out" <<'END' >"$work/keys" 2>&1
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
want = ["run folder network parameters train_images val_images"] + 2 * [
    "epoch epochs loss train_accuracy val_loss val_accuracy seconds"] + ["state best_val_accuracy seconds peak_bytes"]
assert len(lines) == len(want), len(lines)
for line, keys in zip(lines, want):
    assert set(keys.split()) <= set(line), (keys, line)
END
check $? "train --json has the lines and keys of the manual" "$work/keys"
for command in runs "show last" "describe quick" "data $pictures" "evaluate last" "predict last $pictures/bars/00.png"; do
	run "$CONVTUI" $command --json
	python3 - "$work/out" "${command%% *}" <<'END' >"$work/keys" 2>&1
import json, sys
keys = {"describe": "network feature_maps fm_total parameters multiply_adds train_bytes eval_bytes layers",
        "data": "classes images mean std bad duplicates",
        "predict": "path class probability probabilities", "evaluate": "images accuracy confusion per_class"}
keys["runs"] = keys["show"] = ("run state network parameters lr batch epochs epoch loss train_accuracy val_accuracy best_val_accuracy folder")
lines = [json.loads(line) for line in open(sys.argv[1])]
assert lines
for line in lines:
    assert set(keys[sys.argv[2]].split()) <= set(line), line
END
	check $? "${command%% *} --json has the keys of the manual" "$work/keys"
done

# ---- disks ----
if [ "$CVT_E2E_MOUNTS" = 0 ] || ! { mkdir -p "$work/disk" "$work/fixed" && mount -t tmpfs -o size=16m none "$work/disk" && mount -t tmpfs none "$work/fixed"; }; then
	skip "full and read-only disks" "no mount namespace"
	exit
fi
cp -r "$reference" "$work/fixed/run" && cp -r "$pictures" "$work/fixed/pictures" && mount -o remount,ro "$work/fixed"
run "$CONVTUI" train $small --epochs 1 --runs "$work/fixed/runs"
status_is 1 && one_line 'Read-only file system'
check $? "a run store on a read-only disk" "$work/err"
run "$CONVTUI" resume "$work/fixed/run" --epochs 50
status_is 1 && one_line 'Read-only file system'
check $? "a run on a read-only disk" "$work/err"
run "$CONVTUI" show "$work/fixed/run"
status_is 0
check $? "which can be looked at" "$work/err"
run env XDG_CACHE_HOME="$work/fixed/cache" "$CONVTUI" train $small --epochs 1
status_is 0 && grep -q 'kept in memory.*Read-only' "$work/err"
check $? "a cache on a read-only disk is said, and it trains" "$work/err"
# nearly_full BYTES: leaves that many on the small disk.
nearly_full() { rm -f "$work/disk/fill"; fallocate -l $(($(df --output=avail -B1 "$work/disk" | tail -1) - $1)) "$work/disk/fill"; }
nearly_full 2000000
run "$CONVTUI" train $small --epochs 1 --runs "$work/disk/runs"
status_is 1 && grep -qE '(space|disk).*' "$work/err"
check $? "a start without room for three checkpoints is refused" "$work/err"
rm -rf "$work/disk/runs"
nearly_full 0
run "$CONVTUI" train $small --epochs 1 --runs "$work/disk/runs"
status_is 1 && one_line 'No space'
check $? "a start without any room" "$work/err"
rm -rf "$work/disk/fill" "$work/disk/runs"
run env XDG_CACHE_HOME="$work/disk/cache" "$CONVTUI" train --data "$pictures" --layers 1 --image-size 400 --batch 12 --epochs 1
status_is 0 && grep -q 'kept in memory\|was not kept' "$work/err"
check $? "a cache that does not fit is said, and it trains" "$work/err"
rm -rf "$work/disk/cache"

# Long enough to be filled up under.
reference=$(queue $small --epochs 300)
run "$CONVTUI" resume "$reference"
full=$(CONVTUI_RUNS=$work/disk/runs queue $small --epochs 300)
"$CONVTUI" resume "$full" >"$work/out" 2>"$work/err" &
pid=$!
wait_for more_rows_than 5 "$full/batches.csv"
wait_for test -e "$full/checkpoint.safetensors"
# Between looking and filling a checkpoint may free or take room: filled until nothing more goes in.
fill_up() { dd if=/dev/zero of="$work/disk/fill" bs=4k oflag=append conv=notrunc status=none 2>/dev/null; is "$full" blocked; }
wait_for fill_up
check $? "a full disk blocks the run"
grep -q 'tries again' "$work/err"
check $? "which is said" "$work/err"
[ -n "$(live "$full" reason)" ]
check $? "the live page has the reason: $(live "$full" reason)"
"$CONVTUI" export "$full" --to safetensors --checkpoint checkpoint --out "$work/whole.st" >/dev/null 2>"$work/err2"
check $? "the last checkpoint is whole meanwhile" "$work/err2"
# As long as it takes somebody to make room; the short test has seen it wait already.
[ -z "${CVT_E2E_LONG:-}" ] || sleep 10
rm -f "$work/disk/fill"
wait $pid
status=$?
check "$([ $status = 0 ]; echo $?)" "freed, it goes on by itself to the end ($status)" "$work/err"
still_the_same "$reference" "$full" "with the same bits"
