"""torch_table.py CONVTUI PYTHON OUT.md [ROW...]: the table of speed, both sides in turn within one run.

For each network PyTorch's best of eager and torch.compile, NCHW and channels last is found first; then convtui and that best run in turn
(ROUNDS times), and the ratios are taken pair by pair. Training and evaluation are judged each by PyTorch's own best for it.
"""
import datetime
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("SECONDS_EACH", "4")
CNN = ["--arch", "cnn", "--layers"]
ROWS = [  # name in PyTorch, batch, size, options of convtui bench, goals: train, evaluate, memory
    ("3-16", 64, 256, CNN + ["1", "--expansion", "x + 13"], 3.5, 3, 0.5),
    ("3-16-29-42-55", 64, 256, CNN + ["4", "--expansion", "x + 13"], 5, 5, 0.5),
    ("3-9-27-81-94", 64, 256, CNN + ["4", "--expansion", "x*3 if x < 50 else x + (x // 6)"], 5, 5, 0.5),
    ("googlenet", 32, 256, ["--arch", "googlenet"], 2.5, 2.2, 0.5),
    ("vgg-a", 8, 256, ["--arch", "vgg-a"], 3.5, 3, 0.8),
    ("vgg-d", 8, 256, ["--arch", "vgg-d"], 3.5, 3, 0.8),
    ("3-16-29-42-55", 64, 64, CNN + ["4", "--expansion", "x + 13"], None, None, None),
    ("3-16-29-42-55", 64, 128, CNN + ["4", "--expansion", "x + 13"], None, None, None),
    ("3-16-29-42-55", 64, 100, CNN + ["4", "--expansion", "x + 13"], None, None, None),
    ("googlenet", 32, 64, ["--arch", "googlenet"], None, None, None),
    ("googlenet", 32, 128, ["--arch", "googlenet"], None, None, None),
    ("vgg-a", 8, 64, ["--arch", "vgg-a"], None, None, None),
    ("vgg-a", 8, 128, ["--arch", "vgg-a"], None, None, None),
]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"torch_table: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(lines[-1])


def row(convtui, python, name, batch, size, options, goals):
    def torch(mode, layout):
        return run([python, "torch_one.py", name, str(batch), str(size), mode, layout, SECONDS])

    def ours():
        return run([convtui, "bench", "--json", "--image-size", str(size), "--batch", str(batch), *options])

    kinds = [(mode, layout) for mode in ("eager", "compile") for layout in ("nchw", "last")]
    first = {kind: torch(*kind) for kind in kinds}
    best_train = min(kinds, key=lambda k: first[k]["train_ms_per_image"])
    best_eval = min(kinds, key=lambda k: first[k]["eval_ms_per_image"])
    mine, train, evaluate = [], [], []
    for _ in range(ROUNDS):
        mine.append(ours())
        train.append(torch(*best_train))
        evaluate.append(train[-1] if best_eval == best_train else torch(*best_eval))

    def cell(ours_key, theirs):
        ratios = sorted(t[ours_key] / m[ours_key] for m, t in zip(mine, theirs))
        return (statistics.median(m[ours_key] for m in mine), statistics.median(t[ours_key] for t in theirs),
                statistics.median(ratios), ratios[0], ratios[-1])

    memory = max(m["peak_bytes"] for m in mine), min(t["peak_bytes"] for t in train)
    return {"name": name, "batch": batch, "size": size, "train": cell("train_ms_per_image", train),
            "eval": cell("eval_ms_per_image", evaluate), "memory": memory, "goals": goals,
            "torch": f"{'/'.join(best_train)}, {'/'.join(best_eval)}", "isa": mine[0]["isa"]}


def goal(value, wanted, better):
    return "" if wanted is None else f" (goal {wanted:g}: {'met' if better(value, wanted) else 'short'})"


def line(r):
    train_goal, eval_goal, memory_goal = r["goals"]

    def speed(cell, wanted):
        ours, theirs, ratio, low, high = cell
        return f"{theirs:.2f} / {ours:.2f} = **{ratio:.2f} x** [{low:.2f}, {high:.2f}]{goal(ratio, wanted, lambda a, b: a >= b)}"

    ours, theirs = r["memory"]
    return (f"| {r['name']}, {r['batch']} | {r['size']} | {speed(r['train'], train_goal)} | {speed(r['eval'], eval_goal)} | "
            f"{ours / 1e9:.2f} / {theirs / 1e9:.2f} GB = {ours / theirs:.2f}{goal(ours / theirs, memory_goal, lambda a, b: a <= b)} | "
            f"{r['torch']} |")


def main():
    convtui, python, out, wanted = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    rows = [r for r in ROWS if not wanted or f"{r[0]}@{r[2]}" in wanted or r[0] in wanted]
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        processor = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown")
    text = [f"| network, batch | size | train: PyTorch / convtui, ms an image = ratio [lowest, highest of {ROUNDS}] | evaluate | peak memory | "
            "PyTorch's best (train, evaluate) |", "| --- | --- | --- | --- | --- | --- |"]
    for name, batch, size, options, *goals in rows:
        result = row(convtui, python, name, batch, size, options, goals)
        text.append(line(result))
        print(text[-1], flush=True)
    head = (f"Measured by `./dev bench torch` on {datetime.date.today()}: {processor}, {os.cpu_count()} processors, "
            f"PyTorch 2.13.0 at its best of eager and torch.compile, NCHW and channels last, two threads; random input.")
    begin, end = "<!-- table: written by ./dev bench torch -->", "<!-- end of table -->"
    page = open(out, encoding="utf-8").read() if os.path.exists(out) else f"# Speed\n\n{begin}\n{end}\n"
    before, rest = page.split(begin, 1)
    after = rest.split(end, 1)[1]
    with open(out, "w", encoding="utf-8") as file:
        file.write(before + begin + "\n" + head + "\n\n" + "\n".join(text) + "\n" + end + after)


main()
