#!/usr/bin/env python3
"""front.py BUILD [SECONDS]: attaches a dashboard of 120 x 40, through a pseudo-terminal, to a training started from another one, for SECONDS (60):
bytes a second between epochs and for an epoch, a whole repaint, key to paint, first paint, a paused run, an ended one, the front end's processor
time, and, where strace is, what the trainer writes to; each beside its budget. Needs nothing but Python."""
import collections, fcntl, os, pty, re, select, shutil, signal, struct, subprocess, sys, tempfile, termios, time

program = os.path.abspath(os.path.join(sys.argv[1], "ui", "convtui"))
seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
work = tempfile.mkdtemp(prefix="convtui-bench.")
environment = dict(os.environ, CONVTUI_RUNS=work + "/runs", XDG_CACHE_HOME=work + "/cache", TERM="xterm-256color", LC_ALL="C.UTF-8")


def dashboard(*arguments, rows=40, columns=120):
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.execve(program, [program, *arguments], environment)
    return child, terminal


def read_for(terminal, duration, counts=None, start=0.0):
    end = time.monotonic() + duration
    seen = b""
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # the program left
                break
            seen += part
            if counts is not None:
                counts[int(time.monotonic() - start)] += len(part)
    return seen


def leave(child, terminal):
    os.write(terminal, b"q")
    said = read_for(terminal, 0.5)
    try:
        os.write(terminal, b"\r")
        said += read_for(terminal, 0.5)
    except OSError:
        pass
    if not os.listdir(work + "/runs"):
        sys.exit(said.decode(errors="replace"))
    os.close(terminal)
    return os.wait4(child, 0)[2]


missed = []


def report(what, value, budget, unit, digits=0):
    met = value <= budget
    if not met:
        missed.append(what)
    print(f"front end: {what}: {value:.{digits}f} {unit}, budget {budget:g}: {'met' if met else 'MISSED'}")


def seconds_until_output(terminal, wait=2.0):
    start = time.monotonic()
    if not select.select([terminal], [], [], wait)[0]:
        return wait
    return time.monotonic() - start


def epoch_rows(run):
    try:
        return sum(1 for _ in open(run + "/epochs.csv")) - 1
    except OSError:
        return 0


def measure_while_training(terminal, run, duration):
    """Bytes a second in the seconds that touch no end of an epoch, and what a second that does costs above that."""
    quiet, ends, before = [], [], epoch_rows(run)
    read_for(terminal, 3)
    for _ in range(duration):
        n = len(read_for(terminal, 1))
        now = epoch_rows(run)
        live = open(run + "/live", "rb").read()
        busy = now != before or b"evaluating" in live
        (ends if busy else quiet).append(n)
        before = now
    return quiet, ends


def key_to_paint(terminal):
    """The steering panel opened and closed: each key paints at once. A frame of the data in between is no answer: it is read away first."""
    times = []
    for i in range(100):
        read_for(terminal, 0.03)
        os.write(terminal, b"t" if i % 2 == 0 else b"\x1b")
        times.append(seconds_until_output(terminal))
        read_for(terminal, 0.05)
    return sorted(times)


def first_paint():
    best = 9.0
    for _ in range(5):
        start = time.monotonic()
        child, terminal = dashboard()
        seen = b""
        while b"convtui" not in seen and time.monotonic() - start < 3:
            if select.select([terminal], [], [], 0.5)[0]:
                seen += os.read(terminal, 65536)
        best = min(best, time.monotonic() - start)
        read_for(terminal, 0.5)
        leave(child, terminal)
    return best


def repaint(terminal):
    best = 1 << 30
    for _ in range(5):
        read_for(terminal, 0.3)
        os.write(terminal, b"\x0c")
        best = min(best, len(read_for(terminal, 0.15)))
    return best


def measure(run):
    report("first paint, best of 5", first_paint() * 1e3, 50, "ms")
    child, terminal = dashboard()
    quiet, ends = measure_while_training(terminal, run, max(20, seconds // 2))
    if quiet:
        report("between epochs, mean", sum(quiet) / len(quiet), 1000, "bytes a second")
    if ends and quiet:
        report("an epoch, above that, mean", sum(ends) / len(ends) - sum(quiet) / len(quiet), 5000, "bytes")
    report("whole repaint at 120 x 40", repaint(terminal), 20000, "bytes")
    times = key_to_paint(terminal)
    report("key to paint, 99th percentile of 100", times[98] * 1e3, 30, "ms", 1)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    read_for(terminal, 1)
    report("whole repaint at 80 x 24", repaint(terminal), 8000, "bytes")
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    os.write(terminal, b" ")
    read_for(terminal, 9)
    report("paused", len(read_for(terminal, 10)) / 10, 0, "bytes a second")
    os.write(terminal, b" ")
    read_for(terminal, 1)
    leave(child, terminal)


try:
    with open(work + "/preset.yaml", "w") as preset:
        preset.write("data: builtin\nimage-size: 128\narch: cnn\nlayers: 4\nbatch: 20\nepochs: 100000\nlr: 0.001\n")
    child, terminal = dashboard("--start", work + "/preset.yaml")
    read_for(terminal, 4)
    runs = os.listdir(work + "/runs")
    run = os.path.join(work, "runs", [name for name in runs if not name.startswith(".")][0])
    runner = int(re.search(rb"pid (\d+)", open(run + "/live", "rb").read()).group(1))
    leave(child, terminal)
    trace = None
    if shutil.which("strace"):
        trace = subprocess.Popen(["strace", "-f", "-y", "-qq", "-e", "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,ioctl", "-o", work + "/trace",
                                  "-p", str(runner)], stderr=subprocess.DEVNULL)
        child, terminal = dashboard()
        read_for(terminal, 5)
        leave(child, terminal)
        trace.send_signal(signal.SIGINT)
        trace.wait()
        targets = collections.Counter()
        for line in open(work + "/trace"):
            call = re.match(r"\d+ +(\w+)\(\d+<(.*?)>", line)
            if call:
                place = re.sub(r"\[\d+\]|/.*/", "", call.group(2))
                targets[call.group(1) + " " + place] += 1
        for what, n in sorted(targets.items()):
            print(f"trainer: {n:6d} x {what}")
        bad = [what for what in targets if re.search(r"pipe|pts|tty|socket", what)]
        print("trainer: writes to a terminal, pipe or socket:", ", ".join(bad) or "none")
    counts = collections.Counter()
    child, terminal = dashboard()
    begin = time.monotonic()
    read_for(terminal, seconds, counts, begin)
    usage = leave(child, terminal)
    later = [counts[second] for second in range(5, seconds)] or [0]
    print("front end: bytes in each of the first seconds:", " ".join(str(counts[second]) for second in range(min(10, seconds))))
    report("attached, all in, mean after the fifth second", sum(later) / len(later), 1200, f"bytes a second, most {max(later)}")
    report("processor time, start and end included", usage.ru_utime + usage.ru_stime, 0.01 * seconds, f"s in {seconds} s", 2)
    measure(run)
    os.kill(runner, signal.SIGTERM)
    for _ in range(100):
        if not os.path.exists(f"/proc/{runner}"):
            break
        time.sleep(0.1)
    child, terminal = dashboard()
    read_for(terminal, 9)
    report("an ended run", len(read_for(terminal, 10)) / 10, 0, "bytes a second")
    os.write(terminal, b"q")
    read_for(terminal, 0.5)
    os.close(terminal)
    os.wait4(child, 0)
    print("front end: every budget met" if not missed else "front end: MISSED: " + "; ".join(missed))
finally:
    shutil.rmtree(work, ignore_errors=True)
