#!/usr/bin/env python3
"""store.py BUILD [RUNS [TIMES]]: the dashboard's first paint, measured through a pseudo-terminal, and `convtui runs`, with RUNS (1000) run
folders of made-up curves; the median of TIMES (15), caches warm. Needs nothing but Python."""
import fcntl, os, pty, select, shutil, statistics, struct, subprocess, sys, tempfile, termios, time

build = sys.argv[1]
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
times = int(sys.argv[3]) if len(sys.argv) > 3 else 15
program = os.path.join(build, "ui", "convtui")
work = tempfile.mkdtemp(prefix="convtui-bench.")
store = os.path.join(work, "runs")
environment = dict(os.environ, CONVTUI_RUNS=store, XDG_CACHE_HOME=work, TERM="xterm-256color", LC_ALL="C.UTF-8")


def paint():
    """Seconds until the header is on the screen, and until the newest run is."""
    last = f"-{runs - 1}-".encode()
    header = run = None
    start = time.monotonic()
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.execve(program, [program], environment)
    seen = b""
    while run is None and time.monotonic() - start < 20:
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536)
        now = time.monotonic() - start
        if header is None and b"convtui" in seen:
            header = now
        if last in seen:
            run = now
    os.write(terminal, b"q")
    os.close(terminal)
    os.waitpid(child, 0)
    return header, run


def listing():
    start = time.monotonic()
    subprocess.run([program, "runs"], env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def report(what, values, budget=None):
    values = [1000 * value for value in values]
    note = f"   budget {budget} ms" if budget else ""
    print(f"{what:34} median {statistics.median(values):6.1f} ms   best {min(values):6.1f} ms   worst {max(values):6.1f} ms{note}")


try:
    os.mkdir(store)
    subprocess.run([os.path.join(build, "tests", "bench", "make_runs"), store, str(runs)], check=True)
    listing()
    paints = [paint() for _ in range(times)]
    print(f"{runs} runs, load {os.getloadavg()[0]:.1f}")
    report("first paint", [p[0] for p in paints], 50)
    report("the newest run on the screen", [p[1] for p in paints])
    report("convtui runs", [listing() for _ in range(times)], 500)
finally:
    shutil.rmtree(work)
