"""account.py - where a training step's time goes: threads, phases, instruction sets, Winograd's errors. Used by torch_table.py."""
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile

NETWORKS = [("3-16", 64, ["--arch", "cnn", "--layers", "1", "--expansion", "x + 13"]),
            ("3-16-29-42-55", 64, ["--arch", "cnn", "--layers", "4", "--expansion", "x + 13"]),
            ("googlenet", 32, ["--arch", "googlenet"]), ("vgg-a", 8, ["--arch", "vgg-a"])]
SECONDS = os.environ.get("SECONDS_EACH", "3")
ROUNDS = int(os.environ.get("ACCOUNT_ROUNDS", "1"))
# Phases of kernels, by the names of their functions (src/kernels).
KINDS = [
    ("transforms", r"transform_|write_channel|write_strip|input[246]|output[246]|gradient[246]|weights[246]|weight_gradient[246]|split_"),
    ("products", r"product|rows|columns|accumulate|dots|dense_"),
    ("both", r"multiply_and_write|accumulate_few"),
    ("memory", r"apply|take|give|cvt_maxpool|sums|moments|backward$|backward_map|backward_pool|backward_windows|update|one_task|forward_windows|pack|output$|pad$|mem(cpy|move|set)|copy|mask_task|add_task|sgd_|add_inputs|avg|pool"),
]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"account: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def bench(build, batch, options, threads, isa="auto"):
    out = json.loads(run([os.path.join(build, "ui", "convtui"), "bench", "--json", "--seconds", SECONDS, "--threads", str(threads), "--isa", isa,
                          "--batch", str(batch), *options]).splitlines()[-1])
    return out["train_ms_per_image"], out["eval_ms_per_image"]


def kind_of(symbol):
    if re.match(r"accumulate_few", symbol):
        return "both"
    return next((kind for kind, names in KINDS if re.match(names, symbol)), "else")


def profile(build, batch, options):
    """Shares of the kinds, and the largest symbols of no kind. Only what runs in user mode: the pages of a start are the kernel's."""
    if not shutil.which("perf"):
        return None, []
    with tempfile.NamedTemporaryFile(prefix="convtui-perf-") as data:
        run(["perf", "record", "-q", "-e", "cpu-clock:u", "-F", "1999", "-o", data.name, os.path.join(build, "tests", "bench", "bench_step"), "--threads", "2",
             "--train-only", "--repeat", "6", "--batch", str(batch), *options])
        report = run(["perf", "report", "-i", data.name, "--no-children", "--stdio", "--sort", "symbol", "-w", "0,60"])
    shares, rest = dict.fromkeys([k for k, _ in KINDS] + ["else"], 0.0), []
    for share, symbol in re.findall(r"^\s+([\d.]+)%\s+\[\.\]\s+(\S+)", report, re.M):
        name = re.sub(r"^_+|\..*$|_avx512.*$|_avx2.*$|_sse.*$|_erms.*$", "", symbol)
        if name in ("main", "fill", "cvt_model_create", "cvt_random_block"):        # before the first step, and random pictures
            continue
        shares[kind_of(name)] += float(share)
        if kind_of(name) == "else":
            rest.append((name, float(share)))
    total = sum(shares.values())
    return {k: v / total for k, v in shares.items()}, [(n, s / total) for n, s in sorted(rest, key=lambda r: -r[1])[:3]]


def measure(build):
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        lines = info.read().splitlines()
    processor, flags = (next((line.split(":")[1].strip() for line in lines if line.startswith(word)), "unknown") for word in ("model name", "flags"))
    result = {"processor": processor, "processors": os.cpu_count(), "kinds": [k for k, _ in KINDS] + ["else"], "networks": [], "sets": [],
              "isas": [isa for isa in ("avx512", "avx2", "x86-64") if isa != "avx512" or "avx512f" in flags]}
    for name, batch, options in NETWORKS:
        times = {1: [], 2: []}
        for _ in range(ROUNDS):
            for threads in times:
                times[threads].append(bench(build, batch, options, threads))
        shares, rest = profile(build, batch, options)
        result["networks"].append({"name": name, "batch": batch, "shares": shares, "rest": rest,
                                   "train": [statistics.median(t[0] for t in times[n]) for n in times],
                                   "eval": [statistics.median(t[1] for t in times[n]) for n in times]})
        sets = {isa: [bench(build, batch, options, 2, isa) for _ in range(ROUNDS)] for isa in result["isas"][1:]}
        sets[result["isas"][0]] = times[2]
        result["sets"].append({"name": name, "batch": batch, "times": {i: [statistics.median(m[k] for m in sets[i]) for k in (0, 1)] for i in sets}})
    result["errors"] = [json.loads(line) for line in run([os.path.join(build, "tests", "bench", "errors")]).splitlines()]
    return result
