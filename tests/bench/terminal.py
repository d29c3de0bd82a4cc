#!/usr/bin/env python3
"""terminal.py BUILD [SECONDS]: what happens to the terminal harms no training, and what happens to the screen harms no terminal. A run trains; screens
are attached to it through pseudo-terminals: ten alternating pairs with and without one (SECONDS each, 5), a reader that is stopped for 30 s, ^Z
and fg in a shell, 1,000 resizes, each with the trainer's rate and the front end's processor time; then the ends of a front end, and, where
strace is, what the trainer writes to. Needs nothing but Python and bash."""
import collections, fcntl, os, pty, random, re, select, shutil, signal, statistics, struct, subprocess, sys, tempfile, termios, time

program = os.path.abspath(os.path.join(sys.argv[1], "ui", "convtui"))
window = float(sys.argv[2]) if len(sys.argv) > 2 else 5
work = tempfile.mkdtemp(prefix="convtui-terminal.")
environment = dict(os.environ, CONVTUI_RUNS=work + "/runs", XDG_CACHE_HOME=work + "/cache", TERM="xterm-256color", LC_ALL="C.UTF-8")
tick = os.sysconf("SC_CLK_TCK")
failed = []


class Terminal:
    """A process on a pseudo-terminal, and what its output has switched: alternate screen, cursor, mouse."""

    def __init__(self, *command, rows=40, columns=120):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(command[0], list(command), environment)
        self.modes, self.seen = {}, b""
        self.before = termios.tcgetattr(self.fd)

    def read(self, duration):
        end, got = time.monotonic() + duration, b""
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                try:
                    part = os.read(self.fd, 65536)
                except OSError:  # it has ended
                    break
                got += part
        self.seen = (self.seen + got)[-200000:]
        for numbers, on in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", got):
            for number in numbers.split(b";"):
                self.modes[int(number)] = on == b"h"
        return got

    def wait_for(self, text, limit=20):
        end = time.monotonic() + limit
        while text not in self.seen and time.monotonic() < end:
            self.read(0.1)
        return text in self.seen

    def send(self, text):
        os.write(self.fd, text)

    def size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def plain(self):
        """As a terminal is when nobody has touched it."""
        switched = [n for n in (47, 1047, 1049, 1000, 1002, 1003, 1006) if self.modes.get(n)]
        return not switched and self.modes.get(25, True) and termios.tcgetattr(self.fd) == self.before

    def close(self):
        os.close(self.fd)
        return os.wait4(self.pid, 0)[2]


def leave(screen):
    """Seconds of processor time of the whole front end."""
    screen.send(b"q")
    screen.read(0.5)
    try:
        screen.send(b"\r")
        screen.read(0.5)
    except OSError:
        pass
    usage = screen.close()
    return usage.ru_utime + usage.ru_stime


def processor_time(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / tick


def count(run):
    return open(run + "/batches.csv", "rb").read().count(b"\n")


class Rate:
    """Batches a second, and batches a second of the trainer's processor time, which other programs do not slow."""

    def __enter__(self):
        self.rows, self.cpu, self.time = count(run), processor_time(runner), time.monotonic()
        return self

    def __exit__(self, *_):
        rows = count(run) - self.rows
        self.wall, self.own = rows / (time.monotonic() - self.time), rows / max(processor_time(runner) - self.cpu, 1e-9)


def say(what, good):
    print(f"{what}: {'as it should be' if good else 'WRONG'}")
    if not good:
        failed.append(what)


def pairs():
    ratios, own = [], []
    for i in range(10):
        rates = {}
        for attached in ((False, True) if i % 2 == 0 else (True, False)):
            screen = Terminal(program) if attached else None
            if screen:
                screen.wait_for(b"Train")
            with Rate() as rate:
                screen.read(window) if screen else time.sleep(window)
            if screen:
                leave(screen)
            rates[attached] = rate
        ratios.append(rates[True].wall / rates[False].wall)
        own.append(rates[True].own / rates[False].own)
    for what, values in (("batches a second", ratios), ("batches a second of its processor time", own)):
        print(f"trainer, with a screen against without, {what}: median of ten pairs {statistics.median(values):.3f}, "
              f"{min(values):.3f} to {max(values):.3f}")


def attached_for(seconds):
    screen = Terminal(program)
    with Rate() as rate:
        screen.read(seconds)
    print(f"front end: {leave(screen):.2f} s of processor time in {seconds} s; trainer {rate.wall:.1f} batches a second, {rate.own:.1f} of its own")


def stopped_reader():
    screen = Terminal(program)
    screen.wait_for(b"Train")
    before = processor_time(screen.pid)
    reader = subprocess.Popen(["cat"], stdin=screen.fd, stdout=subprocess.DEVNULL)
    time.sleep(1)
    reader.send_signal(signal.SIGSTOP)
    screen.send(b"\x0c" * 10)  # repaints: more than the terminal takes without a reader
    with Rate() as rate:
        time.sleep(30)
    spent = processor_time(screen.pid) - before
    reader.kill()
    print(f"reader stopped (SIGSTOP) for 30 s: front end {spent:.2f} s of processor time; trainer {rate.wall:.1f} batches a second, {rate.own:.1f} of its own")
    at = len(screen.read(2))
    say("reader goes on: the screen is drawn again", at > 0)
    leave(screen)
    say("reader goes on: the terminal is as before", True if not screen.modes.get(1049) else False)


def suspended():
    shell = Terminal("/bin/bash", "--norc", "--noprofile", "-i")
    shell.send(b"PS1='ready> '\r")
    shell.wait_for(b"ready> ")
    shell.read(0.3)
    # What the shell gives its children, not its own line editing.
    shell.send(b"stty -a >" + work.encode() + b"/before; " + program.encode() + b"\r")
    shell.wait_for(b"Train")
    shell.read(1)
    shell.send(b"\x1a")
    say("^Z gives the shell back", shell.wait_for(b"Stopped"))
    shell.send(b"stty -a >" + work.encode() + b"/stopped\r")
    shell.read(1)
    say("^Z: stty, cursor, screen and mouse as before", open(work + "/before").read() == open(work + "/stopped").read() and
        not shell.modes.get(1049) and shell.modes.get(25, True) and not shell.modes.get(1006))
    with Rate() as rate:
        shell.read(3)
    say(f"^Z: training goes on ({rate.wall:.1f} batches a second)", rate.wall > 0)
    shell.send(b"fg\r")
    shell.seen = b""
    say("fg brings it back", shell.wait_for(b"Train"))
    shell.send(b"q")
    shell.read(0.5)
    shell.send(b"\r")
    shell.read(1)
    shell.send(b"stty -a >" + work.encode() + b"/after\r")
    shell.read(1)
    say("fg and q: stty, cursor, screen and mouse as before", open(work + "/before").read() == open(work + "/after").read() and
        not shell.modes.get(1049) and shell.modes.get(25, True) and not shell.modes.get(1006))
    shell.send(b"exit\r")
    shell.close()


def resizes():
    screen = Terminal(program)
    screen.wait_for(b"Train")
    before = processor_time(screen.pid)
    with Rate() as rate:
        for _ in range(1000):
            screen.size(random.randint(1, 100), random.randint(1, 300))
            screen.read(0.01)
    screen.size(40, 120)
    screen.seen = b""
    good = screen.wait_for(b"Train", 5)
    print(f"1,000 resizes: front end {processor_time(screen.pid) - before:.2f} s of processor time; trainer {rate.wall:.1f} batches a second, "
          f"{rate.own:.1f} of its own")
    say("1,000 resizes later the screen is whole", good)
    leave(screen)


def ends():
    for name in ("SEGV", "ABRT", "TERM", "QUIT", "HUP"):
        # A shell without line editing keeps the terminal open, to be looked at.
        shell = Terminal("/bin/sh", "-c", f"{program}; echo ended $?; read line")
        shell.wait_for(b"Train")
        shell.send(b"M")
        shell.read(0.5)
        child = int(open(f"/proc/{shell.pid}/task/{shell.pid}/children").read().split()[0])
        os.kill(child, getattr(signal, "SIG" + name))
        told = shell.wait_for(f"ended {128 + getattr(signal, 'SIG' + name)}".encode())
        shell.read(0.2)
        say(f"SIG{name} of the front end: its own end, and the terminal as before (stty, cursor, alternate screen, mouse)", told and shell.plain())
        shell.send(b"\r")
        shell.close()


def traced():
    if not shutil.which("strace"):
        print("strace is not installed: what the trainer writes to is not shown")
        return
    trace = subprocess.Popen(["strace", "-f", "-y", "-qq", "-e", "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,ioctl", "-o", work + "/trace",
                              "-p", str(runner)], stderr=subprocess.DEVNULL)
    screen = Terminal(program)
    screen.read(5)
    time.sleep(3)
    leave(screen)
    trace.send_signal(signal.SIGINT)
    trace.wait()
    targets = collections.Counter()
    for line in open(work + "/trace"):
        if call := re.match(r"\d+ +(\w+)\(\d+<(.*?)>", line):
            targets[call.group(1) + " " + re.sub(r"\[\d+\]|/.*/", "", call.group(2))] += 1
    print("trainer, by strace: " + ", ".join(f"{n} x {what}" for what, n in sorted(targets.items())))
    say("trainer writes to no terminal, pipe or socket", bool(targets) and not [t for t in targets if re.search(r"pipe|pts|tty|socket", t)])


try:
    with open(work + "/preset.yaml", "w") as preset:
        preset.write("data: builtin\nimage-size: 64\narch: cnn\nlayers: 4\nbatch: 20\nepochs: 100000\nlr: 0.001\nthreads: 1\n")
    screen = Terminal(program, "--start", work + "/preset.yaml")
    screen.wait_for(b"training")
    screen.read(4)
    run = os.path.join(work, "runs", [name for name in os.listdir(work + "/runs") if not name.startswith(".")][0])
    runner = int(re.search(rb"pid (\d+)", open(run + "/live", "rb").read()).group(1))
    leave(screen)
    pairs()
    attached_for(60)
    stopped_reader()
    suspended()
    resizes()
    ends()
    traced()
    say("the run is alive", os.path.exists(f"/proc/{runner}"))
    os.kill(runner, signal.SIGTERM)
    while os.path.exists(f"/proc/{runner}"):
        time.sleep(0.1)
    print("all as it should be" if not failed else "WRONG: " + "; ".join(failed))
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(1 if failed else 0)
