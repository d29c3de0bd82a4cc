"""page.py - docs/speed.md from what torch_table.py measured and kept: no figure in it is written by hand."""
import collections
import json
import os

Row = collections.namedtuple("Row", "name batch size options train eval memory")   # the last three: goals
CNN = ["--arch", "cnn", "--layers"]
FOUR = CNN + ["4", "--expansion", "x + 13"]
ROWS = [
    Row("3-16", 64, 256, CNN + ["1", "--expansion", "x + 13"], 3.5, 3, 0.5),
    Row("3-16-29-42-55", 64, 256, FOUR, 5, 5, 0.5),
    Row("3-9-27-81-94", 64, 256, CNN + ["4", "--expansion", "x*3 if x < 50 else x + (x // 6)"], 5, 5, 0.5),
    Row("googlenet", 32, 256, ["--arch", "googlenet"], 2.5, 2.2, 0.5),
    Row("vgg-a", 8, 256, ["--arch", "vgg-a"], 3.5, 3, 0.8),
    Row("vgg-d", 8, 256, ["--arch", "vgg-d"], 3.5, 3, 0.8),
    Row("3-16-29-42-55", 64, 64, FOUR, 5, 5, None),
    Row("3-16-29-42-55", 64, 128, FOUR, 5, 5, None),
    Row("3-16-29-42-55", 64, 100, FOUR, 1, 1, None),
    Row("googlenet", 32, 64, ["--arch", "googlenet"], 2.5, 2.2, None),
    Row("googlenet", 32, 128, ["--arch", "googlenet"], 2.5, 2.2, None),
    Row("vgg-a", 8, 64, ["--arch", "vgg-a"], 3.5, 3, None),
    Row("vgg-a", 8, 128, ["--arch", "vgg-a"], 3.5, 3, None),
]
CORES = (8, 16, 64)

ABOUT = """\
PyTorch runs at its best of eager and torch.compile, NCHW and channels last, found anew for each row and for training and evaluation apart; then
convtui and PyTorch's two best run in turn, and ratios are taken to the better one, round by round: median [lowest, highest]. Two threads,
float32, random input; the best repetition of each run. On a virtual machine whose processors lie on two dies lines of cache cross slowly
between them for minutes at a time: small networks are bound by that, and rounds of one row are then far apart.
A training step is forward, loss, backward, update. Memory is the largest resident set of the process, PyTorch's with its libraries.
"""
SCALING = """\
Training on one and on two threads. "Does not scale": the part s of one thread's time T1 that two threads did not halve, T2 = T1 (s + (1 - s) / 2); it holds serial
remainders, waiting at the ends of passes, and memory that two threads share. The shares are samples of a training step on two threads, by the
name of the kernel's phase (Linux `perf`): transforms, products, phases that are both, passes over memory (norms, pools, packing, copies), and
everything else.
"""
PAPER = """\
What more cores would give, computed from those figures. First: everything but s scales. Second: the passes over memory stay as fast as two threads make them,
as on a processor whose memory two cores fill. Between the two lies a machine whose memory grows with its cores. Tasks are no limit before 64 cores:
a convolution has a task for some hundred tiles, so that a batch makes hundreds; the weight gradients' 8 to 16 chunks are, in which the gradient goes
back through the norms of large maps, too: past 16 cores they would have to be cut finer, which changes bits but for nobody who keeps his version.
A dense layer's backward pass has a task for 512 inputs where
images are few, 8 for VGG's second, but it is memory that limits it. Beyond that it is s that stops it.
"""


def load(state, name):
    try:
        with open(os.path.join(state, name + ".json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def goal(value, wanted, better):
    return "" if wanted is None else f" (goal {wanted:g}: {'met' if better(value, wanted) else '**short**'})"


def line(state, r):
    m = load(state, f"{r.name}@{r.size}")
    if not m:
        return f"| {r.name}, {r.batch} | {r.size} | not measured | | | |"

    def speed(cell, wanted):
        return (f"{cell['theirs']:.2f} / {cell['ours']:.2f} = {cell['ratio']:.2f} x [{cell['low']:.2f}, {cell['high']:.2f}]"
                f"{goal(cell['ratio'], wanted, lambda a, b: a >= b)}")

    share = m["ours_bytes"] / m["theirs_bytes"]
    return (f"| {r.name}, {r.batch} | {r.size} | {speed(m['train'], r.train)} | {speed(m['eval'], r.eval)} | "
            f"{m['ours_bytes'] / 1e9:.2f} / {m['theirs_bytes'] / 1e9:.2f} GB = {share:.2f}{goal(share, r.memory, lambda a, b: a <= b)} | "
            f"{m['best_train']}; {m['best_eval']} |")


def table(state):
    measured = [m for m in (load(state, f"{r.name}@{r.size}") for r in ROWS) if m]
    text = ["## Beside PyTorch 2.13", "", ABOUT]
    if measured:
        days = ", ".join(sorted({f"{m['date']} at {m['commit']}" for m in measured}))
        text += [f"Measured {days}, `{measured[0]['isa']}`, {' or '.join(str(n) for n in sorted({m['rounds'] for m in measured}))} rounds.", ""]
    text += ["| network, batch | size | train: PyTorch / convtui, ms an image | evaluate | peak memory, convtui / PyTorch | PyTorch's best (train; evaluate) |",
             "| --- | --- | --- | --- | --- | --- |"]
    text += [line(state, r) for r in ROWS]
    text += ["", "Direct-equivalent speed: the multiply-adds of a direct convolution over the time, which Winograd need not do all.", "",
             "| network | size | train, GFLOP/s | evaluate | multiply-adds in registers at the same time |", "| --- | --- | --- | --- | --- |"]
    text += [f"| {m['name']} | {m['size']} | {m['train_gflops']:.0f} | {m['eval_gflops']:.0f} | {m['peak_gflops']:.0f} |" for m in measured]
    return text


def part(t):
    return max(0.0, 2 * t["train"][1] / t["train"][0] - 1)


def scaling(a):
    kinds = a["kinds"]
    text = ["", "## One thread and two", "", SCALING,
            f"| network, batch | train, ms an image: 1, 2 threads | gain | does not scale | evaluate: 1, 2 | gain | {' | '.join(kinds)} |",
            "| --- " * (6 + len(kinds)) + "|"]
    for t in a["networks"]:
        shares = [f"{100 * t['shares'][k]:.0f} %" if t["shares"] else "no perf" for k in kinds]
        text.append(f"| {t['name']}, {t['batch']} | {t['train'][0]:.2f}, {t['train'][1]:.2f} | {t['train'][0] / t['train'][1]:.2f} | {100 * part(t):.0f} % | "
                    f"{t['eval'][0]:.2f}, {t['eval'][1]:.2f} | {t['eval'][0] / t['eval'][1]:.2f} | {' | '.join(shares)} |")
    rest = [f"{t['name']}: {', '.join(f'`{n}` {100 * s:.1f} %' for n, s in t['rest'])}" for t in a["networks"] if t.get("rest")]
    text += ["", "The largest of everything else: " + "; ".join(rest) + "." if rest else "", "", "## More cores, on paper", "", PAPER,
             f"| network | {' | '.join(f'{p} cores, ms an image (gain over one)' for p in CORES)} |", "| --- " * (1 + len(CORES)) + "|"]
    for t in a["networks"]:
        one, two, s, cells = t["train"][0], t["train"][1], part(t), []
        for p in CORES:
            ideal = one * (s + (1 - s) / p)
            memory = two * t["shares"]["memory"] if t["shares"] else 0
            bound = one * s + max(0.0, one * (1 - s) - 2 * memory) / p + memory
            cells.append(f"{ideal:.2f} ({one / ideal:.1f} x) to {bound:.2f} ({one / bound:.1f} x)")
        text.append(f"| {t['name']} | {' | '.join(cells)} |")
    return text


def sets(a):
    text = ["", "## Instruction sets", "", "Milliseconds an image on two threads, and what part of the widest set's speed that is.", "",
            "| network, batch | " + " | ".join(f"{i}: train, evaluate" for i in a["isas"]) + " |", "| --- " * (1 + len(a["isas"])) + "|"]
    for t in a["sets"]:
        best = t["times"][a["isas"][0]]
        cells = [f"{m[0]:.2f} ({best[0] / m[0]:.2f}), {m[1]:.2f} ({best[1] / m[1]:.2f})" for m in (t["times"][i] for i in a["isas"])]
        text.append(f"| {t['name']}, {t['batch']} | {' | '.join(cells)} |")
    return text


def errors(a):
    text = ["", "## Winograd's errors", "",
            "The largest error over the root mean square of the result, random input, against a reference in double; beside it the same of the direct kernel, which",
            "adds weight gradients up in double.", "", "| convolution | pass | method | Winograd | direct |", "| --- | --- | --- | --- | --- |"]
    for e in a["errors"]:
        text.append(f"| {e['shape']}, {e['kernel']} x {e['kernel']} | {e['pass']} | {e['method']} | {e['winograd']:.1e} | {e['direct']:.1e} |")
    return text


def write(state, out):
    a = load(state, "account")
    text = ["# Speed", "", "Written by `./dev bench torch`, which measures all of it; `./dev bench torch NETWORK` measures one row again, `account` the rest.", ""]
    if a:
        text += [f"The machine: {a['processor']}, {a['processors']} processors.", ""]
    text += table(state)
    if a:
        text += scaling(a) + sets(a) + errors(a) + ["", f"The last three sections: {a['date']} at {a['commit']}."]
    with open(out, "w", encoding="utf-8") as file:
        file.write("\n".join(text) + "\n")
