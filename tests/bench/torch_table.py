"""torch_table.py BUILD PYTHON STATE OUT.md [ROW...]: both sides in turn within one run; what was measured is kept in STATE, and OUT.md is made of it.

ROW: a network (3-16), one of its sizes (googlenet@64), "account" (scaling, instruction sets, errors: account.py), or "page" (measures nothing). No
row: all of them, for at most MINUTES; a row left out keeps what was measured before. For each network PyTorch's best of eager and
torch.compile, NCHW and channels last is found first; then convtui and the two best run in turn, ROUNDS times, and the ratios are taken round
by round, to the better one. Training and evaluation are judged each by PyTorch's own best for it.
"""
import datetime
import json
import os
import statistics
import subprocess
import sys
import time

import account
import page

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("SECONDS_EACH", "3")
MINUTES = float(os.environ.get("MINUTES", "35"))


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"torch_table: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(lines[-1])


def measure(convtui, python, name, batch, size, options):
    def torch(kind, what, seconds):
        return run([python, "torch_one.py", name, str(batch), str(size), *kind, seconds, what])

    def ours():
        return run([convtui, "bench", "--json", "--threads", "2", "--seconds", SECONDS, "--image-size", str(size), "--batch", str(batch), *options])

    kinds = [(mode, layout) for mode in ("eager", "compile") for layout in ("nchw", "last")]
    first = {kind: torch(kind, "both", "0.5") for kind in kinds}
    keys = ("train_ms_per_image", "eval_ms_per_image")
    # A machine that is shared has slow spells, longer than such a run: the two best of each are measured in every round, and the better one counts.
    tried = {key: sorted(kinds, key=lambda k, key=key: first[k][key])[:2] for key in keys}
    mine, theirs = [], []
    for _ in range(ROUNDS):
        mine.append(ours())
        measured = {kind: torch(kind, "both", SECONDS) for kind in kinds if any(kind in tried[key] for key in keys)}
        theirs.append({key: min((measured[kind][key], kind) for kind in tried[key]) for key in keys})
        theirs[-1]["peak_bytes"] = measured[theirs[-1][keys[0]][1]]["peak_bytes"]
    best_train, best_eval = (statistics.mode(t[key][1] for t in theirs) for key in keys)

    def cell(key):
        ratios = sorted(t[key][0] / m[key] for m, t in zip(mine, theirs))
        return {"ours": statistics.median(m[key] for m in mine), "theirs": statistics.median(t[key][0] for t in theirs),
                "ratio": statistics.median(ratios), "low": ratios[0], "high": ratios[-1]}

    return {"name": name, "batch": batch, "size": size, "rounds": ROUNDS, "isa": mine[0]["isa"],
            "train": cell("train_ms_per_image"), "eval": cell("eval_ms_per_image"),
            "ours_bytes": max(m["peak_bytes"] for m in mine), "theirs_bytes": min(t["peak_bytes"] for t in theirs),
            "train_gflops": statistics.median(m["train_gflops"] for m in mine), "eval_gflops": statistics.median(m["eval_gflops"] for m in mine),
            "peak_gflops": max(m["peak_gflops"] for m in mine), "best_train": "/".join(best_train), "best_eval": "/".join(best_eval)}


def stamp(result):
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE, check=False)
    result["date"] = str(datetime.date.today())
    result["commit"] = done.stdout.strip()
    return result


def keep(state, name, result):
    path = os.path.join(state, name + ".json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(stamp(result), file, indent=1)
    os.replace(path + ".part", path)


def main():
    build, python, state, out, wanted = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
    convtui, end = os.path.join(build, "ui", "convtui"), time.monotonic() + 60 * MINUTES
    os.makedirs(state, exist_ok=True)
    rows = [r for r in page.ROWS if not wanted or f"{r.name}@{r.size}" in wanted or r.name in wanted]
    if not rows and not {"account", "page"} & set(wanted):
        raise SystemExit(f"torch_table: no such row; there are {', '.join(f'{r.name}@{r.size}' for r in page.ROWS)}, account, page")
    if not wanted or "account" in wanted:
        keep(state, "account", account.measure(build))
        page.write(state, out)
    for r in rows:
        if time.monotonic() > end:
            print(f"{MINUTES:g} minutes are over before {r.name}@{r.size}: it keeps what was measured before", flush=True)
            continue
        start = time.monotonic()
        keep(state, f"{r.name}@{r.size}", measure(convtui, python, r.name, r.batch, r.size, r.options))
        page.write(state, out)
        print(f"{page.line(state, r)}   ({time.monotonic() - start:.0f} s)", flush=True)
    page.write(state, out)


main()
