#!/bin/bash
# predict.sh: many pictures are done together and nobody notices: the lines, their order and the errors among them are those of one after
# another, and a name that comes through a pipe is answered while the pipe stays open.
. "$(dirname "$0")/lib.sh"
limit=60
"$CONVTUI" train --data "$pictures" --layers 1 --image-size 16 --batch 12 --epochs 1 >"$work/out" 2>"$work/err" </dev/null
check $? "a run to predict with" "$work/err"
predict() { "$CONVTUI" predict last "$@" >"$work/out" 2>"$work/err"; echo $? >"$work/status"; }
# The first words of the lines of both streams, in the order in which they came: a picture's path, or convtui: and the path.
order() { sed -E 's/^convtui: ([^:]*):.*/bad \1/; s/  .*//' "$1"; }
exits() { [ "$(cat "$work/status")" = "$1" ]; }

# ---- order ----
find "$pictures" -name '*.png' | sort >"$work/names"
predict - <"$work/names"
exits 0 && [ "$(wc -l <"$work/names")" -gt 40 ] && order "$work/out" | cmp -s - "$work/names"
check $? "names of sixty pictures: a line for each, in their order" "$work/err"
cp "$work/out" "$work/together"
head -n 5 "$work/names" | while read -r name; do "$CONVTUI" predict last "$name" </dev/null; done >"$work/alone" 2>&1
head -n 5 "$work/together" | cmp -s - "$work/alone"
check $? "each as it is alone" "$work/alone"
predict "$pictures"
exits 0 && cmp -s "$work/out" "$work/together"
check $? "a folder gives the same" "$work/err"
echo text >"$work/text.jpg"
{ sed -n 1,3p "$work/names"; echo "$work/text.jpg"; sed -n 4,6p "$work/names"; echo "$work/gone.png"; sed -n '7,$p' "$work/names"; } >"$work/mixed"
"$CONVTUI" predict last - <"$work/mixed" >"$work/out" 2>&1
[ $? = 1 ] && order "$work/out" | sed 's/^bad //' | cmp -s - "$work/mixed" && [ "$(grep -n '^convtui' "$work/out" | cut -d: -f1 | xargs)" = "4 8" ]
check $? "bad ones are said in their place" "$work/out"
[ "$(grep gone.png "$work/out" | sed "s,$work/,,g")" = "convtui: gone.png: cannot open it: No such file or directory" ]
check $? "one that is not there is named once" "$work/out"
"$CONVTUI" predict last "$pictures/bars/00.png" "$work/nowhere/" "$pictures/bars/01.png" >"$work/out" 2>&1
[ "$(order "$work/out" | sed "s,$work/nowhere/,nowhere,; s,$pictures/,,")" = $'bars/00.png\nbad nowhere\nbars/01.png' ]
check $? "also among arguments" "$work/out"

# ---- a pipe that stays open ----
lines() { [ "$(wc -l <"$work/piped")" = "$1" ]; }
decoders() { cat /proc/"$pid"/task/*/children 2>/dev/null | wc -w; }
mkfifo "$work/pipe"
"$CONVTUI" predict last - <"$work/pipe" >"$work/piped" 2>&1 &
pid=$!
exec 3>"$work/pipe"
sed -n 1p "$work/names" >&3
until_true "a name is answered while the pipe is open" lines 1
[ "$(decoders)" = 1 ]
check $? "by one decoder: $(decoders)"
sed -n 2,3p "$work/names" >&3
until_true "so are two more" lines 3
printf '%s' "$(sed -n 4p "$work/names" | cut -c1-5)" >&3
printf '%s\n' "$(sed -n 4p "$work/names" | cut -c6-)" >&3
until_true "and one that comes in two pieces" lines 4
printf '%s' "$(sed -n 5p "$work/names")" >&3
exec 3>&-
wait $pid
check $? "the end of the pipe is the end" "$work/piped"
head -n 5 "$work/together" | cmp -s - "$work/piped"
check $? "the last name needs no newline" "$work/piped"

# ---- what is no name ----
said() { exits 1 && [ "$(wc -l <"$work/err")" = 1 ] && grep -q "$1" "$work/err"; }
{ echo; printf 'a\0b\n'; cat "$work/names"; } | predict -
said 'line 2 of standard input .* zero byte' && cmp -s "$work/out" "$work/together"
check $? "a zero byte in a name: one line, and the rest is done" "$work/err"
{ sed -n 1p "$work/names"; head -c 200000 /dev/zero | tr '\0' x; echo; sed -n '2,$p' "$work/names"; } | predict -
said 'line 2 of standard input .* too long' && cmp -s "$work/out" "$work/together"
check $? "a line without end: the same" "$work/err"
head -c 65535 /dev/zero | tr '\0' x | predict -
said 'too long'
check $? "also without a newline" "$work/err"
head -c 5000 /dev/zero | tr '\0' x | predict -
said '^convtui: xxx'
check $? "a name that is longer than the system takes: one line" "$work/err"
predict - <"$work"
said 'standard input: Is a directory'
check $? "a folder for standard input" "$work/err"
predict - </dev/null
exits 0 && [ ! -s "$work/out" ] && [ ! -s "$work/err" ]
check $? "no names, no lines" "$work/err"

# ---- which checkpoint, and which part ----
"$CONVTUI" evaluate last >"$work/best" 2>"$work/err" && grep -qE '^validation part, by best\.safetensors, after epoch [0-9]+$' "$work/best"
check $? "evaluate says part and checkpoint" "$work/best"
"$CONVTUI" evaluate last --part train --checkpoint checkpoint >"$work/newest" 2>"$work/err" &&
	grep -q '^training part, by checkpoint\.safetensors, after epoch ' "$work/newest"
check $? "and takes another" "$work/newest"
"$CONVTUI" evaluate last --checkpoint checkpoint --json | grep -q '"checkpoint":"checkpoint.safetensors","epoch":[0-9]*,"part":"val"'
check $? "as JSON too"
"$CONVTUI" evaluate last --data "$pictures" | grep -q "^all of $pictures, by best.safetensors"
check $? "of a folder, all"
predict --checkpoint checkpoint "$pictures/bars/00.png"
[ "$(cat "$work/status")" = 0 ] && [ "$(wc -l <"$work/out")" = 1 ] && [ ! -s "$work/err" ]
check $? "predict takes it too, and says nothing but pictures where nobody looks" "$work/err"
predict --checkpoint newest "$pictures/bars/00.png"
[ "$(cat "$work/status")" = 2 ] && grep -q 'best or checkpoint' "$work/err"
check $? "a checkpoint that is none of the two is refused" "$work/err"
