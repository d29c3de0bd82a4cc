#!/usr/bin/env python3
"""flops.py CONVTUI: parameters and multiply-adds of the post's networks at 256 x 256 and of some at other sizes, from `convtui describe` and
from PyTorch: its parameters, and its flop counter halved (convolutions and dense layers; nothing else is counted there or here).
Needs PyTorch. Exit 1 when a number differs."""
import json
import os
import subprocess
import sys

import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import post_networks  # noqa: E402

PRESETS = {"cnn-16": "3-16", "cnn-6": "3-6", "cnn-9": "3-9", "cnn-16-29": "3-16-29", "cnn-6-12": "3-6-12", "cnn-9-27": "3-9-27",
           "cnn-16-29-42": "3-16-29-42", "cnn-6-12-24": "3-6-12-24", "cnn-9-27-81": "3-9-27-81", "cnn-16-29-42-55": "3-16-29-42-55",
           "cnn-6-12-24-36": "3-6-12-24-36", "cnn-9-27-81-94": "3-9-27-81-94", "vgg-11a": "vgg-a", "vgg-13b": "vgg-b", "vgg-16c": "vgg-c",
           "vgg-16d": "vgg-d", "vgg-19e": "vgg-e", "googlenet": "googlenet"}
ODD_SIZES = [("cnn-16-29-42-55", 100), ("vgg-16c", 50), ("googlenet", 64)]


def theirs(name, size, post=False):
    with torch.device("meta"):
        if name == "googlenet":
            network = post_networks.GoogLeNet(size, post=post)
        else:
            network = post_networks.build(name, size)
        picture = torch.empty(1, 3, size, size)
    network.eval()
    with FlopCounterMode(display=False) as counter:
        network(picture)
    return sum(p.numel() for p in network.parameters() if p.requires_grad), counter.get_total_flops() // 2


def main():
    rows = [(preset, name, 256, "trained") for preset, name in PRESETS.items()]
    rows.append(("googlenet", "googlenet", 256, "post"))
    rows += [(preset, PRESETS[preset], size, "trained") for preset, size in ODD_SIZES]
    differ = 0
    print(f"{'preset':17} {'size':>4} {'parameters':>12} {'PyTorch':>12} {'multiply-adds':>15} {'PyTorch':>15}")
    for preset, name, size, inception in rows:
        more = ["--inception", inception] if name == "googlenet" else []
        out = subprocess.run([sys.argv[1], "describe", preset, "--classes", "3", "--image-size", str(size), "--json", *more], check=True,
                             stdout=subprocess.PIPE, text=True)
        ours = json.loads(out.stdout)
        parameters, multiply_adds = theirs(name, size, inception == "post")
        same = (ours["parameters"], ours["multiply_adds"]) == (parameters, multiply_adds)
        differ += not same
        label = preset + (" post" if inception == "post" else "")
        print(f"{label:17} {size:4} {ours['parameters']:12,} {parameters:12,} {ours['multiply_adds']:15,} {multiply_adds:15,}" +
              ("" if same else "  DIFFERS"))
    print(f"{len(rows) - differ} of {len(rows)} are the same")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
