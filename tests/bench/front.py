#!/usr/bin/env python3
"""front.py BUILD [SECONDS]: attaches a dashboard of 120 x 40, through a pseudo-terminal, to a training started from another one, for SECONDS (60):
bytes a second, the front end's processor time, and, where strace is, what the trainer writes to. Needs nothing but Python."""
import collections, fcntl, os, pty, re, select, shutil, signal, struct, subprocess, sys, tempfile, termios, time

program = os.path.abspath(os.path.join(sys.argv[1], "ui", "convtui"))
seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
work = tempfile.mkdtemp(prefix="convtui-bench.")
environment = dict(os.environ, CONVTUI_RUNS=work + "/runs", XDG_CACHE_HOME=work + "/cache", TERM="xterm-256color", LC_ALL="C.UTF-8")


def dashboard(*arguments):
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
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
    print(f"front end: {sum(later) / len(later):.0f} bytes a second after the fifth, most {max(later)}")
    print(f"front end: {usage.ru_utime + usage.ru_stime:.2f} s of processor time in {seconds} s, start and end included")
    os.kill(runner, signal.SIGTERM)
    for _ in range(100):
        if not os.path.exists(f"/proc/{runner}"):
            break
        time.sleep(0.1)
finally:
    shutil.rmtree(work, ignore_errors=True)
