#!/bin/bash
# commands.sh: what the commands say and do beside training: exports, the test part, what a run was steered by, the way out of the trash, and
# the name by which the program tells its user to call it.
. "$(dirname "$0")/lib.sh"
limit=60
run() { "$@" >"$work/out" 2>"$work/err" </dev/null; }
says() { grep -qF -e "$1" "$work/out"; }
warns() { [ "$(wc -l <"$work/err")" = 1 ] && grep -qF -e "$1" "$work/err"; }
small="--data $pictures --layers 1 --image-size 16 --batch 12 --epochs 1"
cd "$work" || exit 1

# ---- a test part ----
run "$CONVTUI" train $small --val-fraction 0 --test-fraction 0.2
check $? "a run without a validation part" "$work/err"
name=$(basename "$(newest)")
says '48 pictures to train on, 0 to validate, 12 kept for a test;' && says "$CONVTUI evaluate $CONVTUI_RUNS/$name --part test"
check $? "train tells of the test part, and how to use it" "$work/out"
run $(sed -n 's/^the 12 pictures of the test part were not used: //p' "$work/out")
[ $? = 0 ] && says '12 pictures, accuracy'
check $? "which is so" "$work/out"

# ---- export ----
run "$CONVTUI" export last --to safetensors
[ $? = 0 ] && says "$name.safetensors" && warns 'no best checkpoint' && [ -s "$name.safetensors" ]
check $? "without a best checkpoint the newest is exported, which is said" "$work/err"
cp "$name.safetensors" newest
run "$CONVTUI" export last --to safetensors --checkpoint checkpoint
[ $? = 0 ] && [ ! -s "$work/err" ] && cmp -s newest "$name.safetensors"
check $? "it is what --checkpoint checkpoint gives, over an export of before" "$work/err"
run "$CONVTUI" export last --to safetensors --checkpoint best
[ $? = 1 ] && warns 'has no best checkpoint'
check $? "the best by name is not replaced by another" "$work/err"
echo mine >notes.txt
cp notes.txt before
run "$CONVTUI" export last --to safetensors --out notes.txt
[ $? = 1 ] && warns 'notes.txt is there' && cmp -s notes.txt before
check $? "a file that is no export is left alone" "$work/err"
run "$CONVTUI" export last --to safetensors --out notes.txt --force
[ $? = 0 ] && cmp -s notes.txt newest
check $? "but with --force" "$work/err"
: >empty
run "$CONVTUI" export last --to safetensors --out empty
[ $? = 0 ] && cmp -s empty newest
check $? "one without a byte has nothing to lose" "$work/err"
run "$CONVTUI" export last --to safetensors --out . --force
[ $? = 1 ] && warns 'a folder'
check $? "a folder is never replaced" "$work/err"
ln -s empty link
run "$CONVTUI" export last --to safetensors --out link --force
[ $? = 1 ] && warns 'a link' && [ -L link ]
check $? "nor a link" "$work/err"
echo mine >weights.tmp
cp weights.tmp weights.0.tmp
run "$CONVTUI" export last --to safetensors --out weights
[ $? = 0 ] && cmp -s weights newest && cmp -s weights.tmp before && cmp -s weights.0.tmp before && [ "$(echo weights.*)" = 'weights.0.tmp weights.tmp' ]
check $? "files whose names begin as the export's are left alone" "$work/err"
folder=$("$CONVTUI" show last | sed -n 's/^folder *//p')
cp "$folder/checkpoint.safetensors" kept
for file in checkpoint.safetensors another.safetensors; do
	run "$CONVTUI" export last --to safetensors --out "$folder/$file" --force
	[ $? = 1 ] && warns 'whose files are its own' && cmp -s kept "$folder/checkpoint.safetensors" && [ ! -e "$folder/another.safetensors" ]
	check $? "no file of a run is written over, nor one put beside: $file" "$work/err"
done

# ---- a folder of pictures that holds other files ----
mkdir -p mixed/more
cp "$pictures/bars/00.png" mixed/
cp "$pictures/bars/01.png" mixed/more/
echo text >mixed/Thumbs.db
echo text >mixed/more/notes.txt
run "$CONVTUI" predict last mixed
[ $? = 0 ] && [ "$(wc -l <"$work/out")" = 2 ] && warns '2 files passed over'
check $? "what is no picture by its name is passed over in a folder, and counted" "$work/err"
run "$CONVTUI" predict last mixed/Thumbs.db
[ $? = 1 ] && warns 'not a JPEG or PNG'
check $? "and an error where it was named" "$work/err"

# ---- steered, and a parent ----
long=$("$CONVTUI" queue ${small% --epochs 1} --epochs 100000 --lr 0.01 2>/dev/null | awk '{ print $1 }')
"$CONVTUI" resume "$long" >/dev/null 2>&1 &
trained=$!
wait_for more_rows_than 2 "$CONVTUI_RUNS/$long/epochs.csv"
"$CONVTUI" steer "$long" lr=0.02 lr=0.03 epochs=90000 stop >/dev/null
wait $trained
run "$CONVTUI" show "$long"
grep -qE '^  lr +0\.03, steered; began as 0\.01$' "$work/out" && grep -qE '^  epochs +90000, steered; began as 100000$' "$work/out" &&
	grep -qE '^  momentum +0$' "$work/out"
check $? "show has what a run was steered to, and what it began as" "$work/out"
run "$CONVTUI" show "$long" --json
says '"steered":{"lr":0.03,"epochs":90000},"parent":null'
check $? "also as JSON" "$work/out"
run "$CONVTUI" train $small --init "$CONVTUI_RUNS/$long/checkpoint.safetensors"
run "$CONVTUI" show last
grep -qE "^began from +checkpoint.safetensors of $long$" "$work/out"
check $? "and the run that another began from" "$work/out"

# ---- the trash ----
rm -rf "$CONVTUI_RUNS/.trash"
run "$CONVTUI" rm "$name"
[ ! -e "$CONVTUI_RUNS/$name" ] && says "the trash is $CONVTUI_RUNS/.trash: mv" && says "$CONVTUI rm --empty"
check $? "rm says where the trash is" "$work/out"
mv "$CONVTUI_RUNS/.trash/$name" "$CONVTUI_RUNS"
run "$CONVTUI" evaluate "$name" --part test
check $? "a run that was moved back is as before" "$work/err"
run "$CONVTUI" queue $small --runs "$work/my runs"
run "$CONVTUI" rm last --runs "$work/my runs"
says "$CONVTUI rm --empty --runs '$work/my runs'"
check $? "of another store: its own, in quotes" "$work/out"

# ---- the program's name ----
mkdir -p "$work/it's here" path
ln -s "$CONVTUI" "$work/it's here/convtui"
ln -s "$CONVTUI" path/convtui
run "$work/it's here/convtui" rm
warns "'$work/it'\\''s here/convtui' rm RUN..."
check $? "the path that it was started by, as a shell reads it" "$work/err"
run env PATH="$work/path:$PATH" convtui rm
warns 'which run? convtui rm RUN...'
check $? "its name where it is on the PATH" "$work/err"
start 120x40 "$CONVTUI --start quick; sleep 100"
wait_for shows 'training 20'
"$CONVTUI" steer last epochs=4000 >/dev/null
keys q
wait_for shows 'leave it running'
keys Enter
left() { screen | tr -d '\n' | grep -qF "\`$CONVTUI $(basename "$(newest)")\` shows it again"; }
until_true "what is left on the terminal can be typed" left
