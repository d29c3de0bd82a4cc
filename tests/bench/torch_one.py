"""torch_one.py NAME BATCH SIZE MODE LAYOUT SECONDS WHAT: times one network in PyTorch, in a process of its own, prints one JSON line.

MODE: eager or compile; LAYOUT: nchw or last (channels last); WHAT: train, eval or both. Random input; a training step is zero_grad,
forward, weighted cross entropy, backward, SGD. Best of the repetitions that fit in SECONDS (at least two), after warm-up.
"""
import json
import sys
import time

import torch
from torch import nn

from post_networks import build


def best(step, seconds):
    step()
    start = time.perf_counter()
    step()
    slow = time.perf_counter() - start > 2
    times, end = [time.perf_counter() - start] if slow else [], time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_bytes():
    for line in open("/proc/self/status", encoding="ascii"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def main(name, batch, size, mode, layout, seconds, what):
    torch.set_num_threads(2)
    torch.manual_seed(1)
    network = build(name, size)
    x = torch.randn(batch, 3, size, size)
    if layout == "last":
        network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    y = torch.randint(0, 3, (batch,))
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.520, 0.518, 0.962]))
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3)
    model = torch.compile(network) if mode == "compile" else network

    def train():
        optimiser.zero_grad()
        criterion(model(x), y).backward()
        optimiser.step()

    def evaluate():
        with torch.no_grad():
            model(x)

    result = {"network": name, "mode": mode, "layout": layout}
    if what != "eval":
        network.train()
        result["train_ms_per_image"] = best(train, seconds) / batch * 1e3
        result["peak_bytes"] = peak_bytes()
    if what != "train":
        network.eval()
        result["eval_ms_per_image"] = best(evaluate, seconds / 2) / batch * 1e3
    print(json.dumps(result))


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5], float(sys.argv[6]), sys.argv[7])
