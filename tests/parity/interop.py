#!/usr/bin/env python3
"""interop.py CONVTUI DUMP_PIXELS DATA [OPTIONS]: weights to PyTorch and back, on real pictures. Needs PyTorch, safetensors, numpy.

There: a network trained here, exported and loaded by the post's class with strict=True, must say of every validation picture what it says
here. Back: PyTorch trains the same network on pixels exported from here; its file must load here, say the same, and start a run.
Logits agree within 1e-3; pictures whose two best logits are nearer than that are listed, and may differ. Exit 1 when anything does not hold."""
import argparse
import csv
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import post_networks  # noqa: E402

NEAR = 1e-3
failures = 0


def check(holds, what):
    global failures
    print(("ok    " if holds else "FAILS ") + what, flush=True)
    failures += not holds


def read_dump(path):
    """pixels [n, c, h, w], labels [n], logits [n, classes]"""
    with open(path, "rb") as f:
        n, channels, size, classes = struct.unpack("=4i", f.read(16))
        pixels = np.fromfile(f, np.float32, n * channels * size * size).reshape(n, channels, size, size)
        labels = np.fromfile(f, np.int32, n)
        logits = np.fromfile(f, np.float32, n * classes).reshape(n, classes)
    return torch.from_numpy(pixels), torch.from_numpy(labels).long(), torch.from_numpy(logits)


def answers(network, pixels):
    network.eval()
    with torch.no_grad():
        return torch.cat([network(batch) for batch in pixels.split(64)])


def compare(ours, theirs, labels, what):
    worst = (ours - theirs).abs().max().item()
    top = ours.topk(2).values
    tie = top[:, 0] - top[:, 1] < NEAR
    differ = ours.argmax(1) != theirs.argmax(1)
    for i in torch.nonzero(tie).flatten().tolist():
        print(f"      tie under {NEAR}: picture {i}, {ours[i].tolist()} here, {theirs[i].tolist()} there")
    check(worst < NEAR, f"{what}: largest difference of a logit {worst:.2e}")
    check(not bool((differ & ~tie).any()), f"{what}: {len(labels) - int(differ.sum())} of {len(labels)} predictions are the same")
    right = 100 * (theirs.argmax(1) == labels).double().mean().item()
    check(right >= 97, f"{what}: {right:.3f}% right in PyTorch")


def train_there(network, pixels, labels, lr, momentum, batch, epochs, val, val_labels):
    optimiser = torch.optim.SGD(network.parameters(), lr=lr, momentum=momentum)
    for epoch in range(epochs):
        network.train()
        for chosen in torch.randperm(len(labels)).split(batch):
            if len(chosen) < 2:
                continue
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(pixels[chosen]), labels[chosen]).backward()
            optimiser.step()
        right = 100 * (answers(network, val).argmax(1) == val_labels).double().mean().item()
        print(f"      PyTorch, epoch {epoch + 1}: {right:.3f}%", flush=True)
        if right >= 97.5:
            return


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("convtui")
    parse.add_argument("dump_pixels")
    parse.add_argument("data")
    parse.add_argument("--network", default="3-16-29-42-55", help="as post_networks.build has it")
    parse.add_argument("--size", type=int, default=64)
    parse.add_argument("--lr", default="0.01")
    parse.add_argument("--momentum", default="0.9")
    parse.add_argument("--batch", default="32")
    parse.add_argument("--epochs", default="8")
    args = parse.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)
    family = ["--arch", args.network] if not args.network[0].isdigit() else ["--arch", "cnn", "--layers", str(args.network.count("-")),
                                                                            "--expansion", "x + 13"]
    work = tempfile.TemporaryDirectory(prefix="convtui-interop-")
    env = dict(os.environ, CONVTUI_RUNS=os.path.join(work.name, "runs"))

    def train(*more):
        out = subprocess.run([args.convtui, "train", "--data", args.data, "--image-size", str(args.size), "--momentum", args.momentum,
                              "--batch", args.batch, *family, *more, "--json"], env=env, check=True, stdout=subprocess.PIPE, text=True)
        lines = [json.loads(line) for line in out.stdout.splitlines()]
        return lines[0]["folder"], [line["val_accuracy"] for line in lines if "epoch" in line]

    def dump(run, part, *weights):
        path = os.path.join(work.name, part)
        subprocess.run([args.dump_pixels, run, part, path, *weights], env=env, check=True)
        return read_dump(path)

    print(f"{args.network} at {args.size} x {args.size}")
    run, accuracies = train("--epochs", args.epochs, "--lr", args.lr)
    check(accuracies[-1] >= 97, f"trained here: {accuracies[-1]:.3f}% after {len(accuracies)} epochs")
    file = os.path.join(work.name, "here.safetensors")
    subprocess.run([args.convtui, "export", run, "--to", "safetensors", "--checkpoint", "checkpoint", "--out", file], env=env, check=True,
                   stdout=subprocess.DEVNULL)
    there = post_networks.build(args.network, args.size)
    there.load_state_dict(load_file(file), strict=True)
    pixels, labels, logits = dump(run, "val")
    compare(logits, answers(there, pixels), labels, "here to PyTorch")
    here = 100 * (logits.argmax(1) == labels).double().mean().item()
    check(abs(here - accuracies[-1]) < 1e-6, f"the pixels are those of the run: {here:.3f}% on them")

    there = post_networks.build(args.network, args.size)
    train_pixels, train_labels, _ = dump(run, "train")
    train_there(there, train_pixels, train_labels, float(args.lr), float(args.momentum), int(args.batch), 3 * int(args.epochs), pixels, labels)
    file = os.path.join(work.name, "there.safetensors")
    save_file(there.state_dict(), file)
    _, _, logits = dump(run, "val", file)
    compare(logits, answers(there, pixels), labels, "PyTorch to here")
    started, accuracies = train("--epochs", "1", "--lr", "1e-5", "--init", file)
    with open(os.path.join(started, "batches.csv"), newline="") as f:
        losses = [float(row["loss"]) for row in csv.DictReader(f)]
    first = sum(losses) / len(losses)
    check(first < 0.2 and accuracies[0] >= 95, f"a run that starts from PyTorch's file: loss {first:.4f}, {accuracies[0]:.3f}% after an epoch")
    work.cleanup()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
