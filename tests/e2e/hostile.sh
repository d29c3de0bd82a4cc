#!/bin/bash
# hostile.sh: data that is wrong, broken or malicious, and permissions that are missing: one clear line, or a named and counted skip;
# never a crash, never a silent loss. What concerns permissions runs as an unprivileged user, also when the suite runs as root.
. "$(dirname "$0")/lib.sh"
fixtures=$here/../unit/data/fixtures
small="--layers 1 --image-size 16 --batch 12 --epochs 1"
run() { "$@" >"$work/out" 2>"$work/err" </dev/null; echo $? >"$work/status"; }
train() { run "$CONVTUI" train $small --data "$@"; }
# refused PATTERN: exit 1, one line on stderr that matches, nothing on stdout.
refused() {
	[ "$(cat "$work/status")" = 1 ] && [ "$(wc -l <"$work/err")" = 1 ] && [ ! -s "$work/out" ] && grep -qE "^convtui: .*$1" "$work/err"
}
trained() { [ "$(cat "$work/status")" = 0 ] && grep -q '^done: ' "$work/out"; }
# Everything that is printed is plain text.
plain() { ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work/out" "$work/err"; }
set_of() { mkdir -p "$work/$1" && cp -r "$pictures"/. "$work/$1"; }

# ---- folders ----
train "$work/nowhere"; refused 'nowhere.*No such file'
check $? "no such folder" "$work/err"
train /dev/null; refused '/dev/null is not a folder'
check $? "a device for a folder" "$work/err"
mkdir "$work/nothing"; train "$work/nothing"; refused "$work/nothing"
check $? "an empty folder" "$work/err"
mkdir -p "$work/one/a"; cp "$pictures"/bars/*.png "$work/one/a"; train "$work/one"; refused 'one class only'
check $? "one class" "$work/err"
set_of empty; mkdir "$work/empty/aaa"; train "$work/empty"; refused '"aaa" .*no picture'
check $? "an empty class folder is named" "$work/err"
set_of nonsense; for name in "$work"/nonsense/discs/*; do echo nonsense >"$name"; done; train "$work/nonsense"
[ "$(cat "$work/status")" = 1 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -q '"discs".*discs/00.png' "$work/err" && grep -q '^failed' "$work/out"
check $? "a class without one good picture is named" "$work/err"

# ---- files ----
set_of bad
bars=$work/bad/bars
echo text >"$bars/text.jpg"
head -c 200 "$fixtures/420.jpg" >"$bars/cut.jpg"
head -c 300 "$fixtures/rgb16.png" >"$bars/cut.png"
: >"$bars/zero.png"
mkfifo "$bars/fifo.png"
ln -s loop.png "$bars/loop.png"
ln -s /dev/zero "$bars/device.png"
printf '\e[31mred' >"$bars/"$'\e[31mred\a.png'
python3 - "$bars/huge.png" <<'END'
import struct, sys, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
squeeze, rows = zlib.compressobj(1), b"\0" * (60001 * 100)
body = b"".join(squeeze.compress(rows) for _ in range(200)) + squeeze.flush()
head = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
END
train "$work/bad"; trained
check $? "nine bad files among sixty: it trains" "$work/err"
for name in text.jpg cut.jpg cut.png zero.png fifo.png loop.png device.png huge.png 'red?.png'; do
	grep -qF "$name" "$work/err"
	check $? "$name is named" "$work/err"
done
grep -q '20000 x 20000 pixels' "$work/err"
check $? "a 20,000 x 20,000 picture is refused by its size" "$work/err"
grep -qE '^9 bad files' "$work/err"
check $? "and all are counted" "$work/err"
grep -q '^36 pictures to train on, 24 to validate' "$work/out"
check $? "the good ones are all there" "$work/out"
plain
check $? "no control character reaches the terminal"
run "$CONVTUI" data "$work/bad" --image-size 16
plain && grep -qE '^bad +9$' "$work/out"
check $? "data tells the same" "$work/out"
run "$CONVTUI" predict last "$bars/huge.png"; refused 'huge.png: 20000 x 20000'
check $? "predict of the huge one: one line" "$work/err"
run "$CONVTUI" predict last "$bars/text.jpg" "$bars/00.png" "$bars/cut.jpg"
grep -q 00.png "$work/out" && grep -q text.jpg "$work/err" && grep -q cut.jpg "$work/err" && [ "$(cat "$work/status")" = 1 ]
check $? "predict says which are bad and does the rest" "$work/err"
mkdir "$work/around" && cp "$bars/00.png" "$work/around" && ln -s . "$work/around/again"
run "$CONVTUI" predict last "$work/around"
[ "$(cat "$work/status")" = 1 ] && grep -q 'passed over: a folder 16 folders deep' "$work/err" && [ "$(wc -l <"$work/err")" = 1 ] &&
	[ "$(grep -c '00.png' "$work/out")" = 16 ]
check $? "predict of a folder that leads to itself ends, and says so" "$work/err"

# ---- permissions ----
cp "$CONVTUI" "$work/program" && chmod 755 "$work/program" && chmod 711 "$work"
set_of shut; chmod -R a+rX "$work/shut"
mkdir -m 777 "$work/other"
if [ "$(id -u)" != 0 ]; then
	as_other() { "$@"; }
elif command -v setpriv >/dev/null && setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
	as_other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
fi
other="env CONVTUI_RUNS=$work/other/runs XDG_CACHE_HOME=$work/other/cache HOME=$work/other $work/program"
if command -v as_other >/dev/null && as_other $other --version >/dev/null 2>&1; then
	chmod 000 "$work/shut/bars/03.png"
	run as_other $other train $small --data "$work/shut"; trained && grep -q 'bars/03.png: Permission denied' "$work/err"
	check $? "a file without permission is named, and it trains" "$work/err"
	chmod 644 "$work/shut/bars/03.png"
	run as_other $other train $small --data "$work/shut"; trained && ! grep -q 03.png "$work/err"
	check $? "and is back when it may be read" "$work/err"
	chmod 000 "$work/shut/bars"
	run as_other $other train $small --data "$work/shut"; refused 'bars.*Permission denied'
	check $? "a class folder without permission is an error" "$work/err"
	chmod 000 "$work/shut"
	run as_other $other train $small --data "$work/shut"; refused 'shut.*Permission denied'
	check $? "so is the data folder" "$work/err"
	chmod 755 "$work/shut" "$work/shut/bars"
	mkdir -m 555 "$work/locked"
	run as_other env CONVTUI_RUNS="$work/locked/runs" XDG_CACHE_HOME="$work/other/cache" "$work/program" train $small --data "$work/shut"
	refused 'locked.*Permission denied'
	check $? "a run store that may not be written" "$work/err"
	run as_other env CONVTUI_RUNS="$work/other/runs" XDG_CACHE_HOME="$work/locked/cache" "$work/program" train $small --data "$work/shut"
	trained && grep -q 'kept in memory' "$work/err"
	check $? "a cache that may not be written is said, and it trains" "$work/err"
	open=$(find "$work/other/runs" \( -type d ! -perm 700 \) -o \( -type f ! -perm 600 \))
	check "$([ -z "$open" ]; echo $?)" "folders are 0700, files 0600 $open"
	if [ "$(id -u)" = 0 ]; then
		as_other chmod 711 "$work/other/runs"
		chmod 700 "$work/other"
		run as_other $other runs
		refused 'Permission denied'
		check $? "somebody else's run store: one line" "$work/err"
	fi
else
	skip "permissions" "no unprivileged user to run as"
fi
