"""torch_post.py DATA [--layers N] [--epochs N] [--lr R] [--size S] [--seed K] [--rule 'x + 13']: the post's own loop in PyTorch, eager.

ImageFolder, resize to 256 (decoded once, kept as tensors, which the post does not: it is the kinder rival), the mean and deviation of
the whole set, the 60/40 split, the right class weights, batch 128, SGD without momentum; evaluation one image at a time as the post,
or in batches with --batched. Prints a JSON line an epoch.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
from PIL import Image
from torch import nn

from post_networks import CNN


def pictures(root, size):
    classes = sorted(c for c in os.listdir(root) if os.path.isdir(os.path.join(root, c)))
    images, labels = [], []
    for index, name in enumerate(classes):
        for file in sorted(os.listdir(os.path.join(root, name))):
            picture = Image.open(os.path.join(root, name, file)).convert("RGB").resize((size, size), Image.BILINEAR)
            images.append(np.asarray(picture).transpose(2, 0, 1))
            labels.append(index)
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    for name, kind, value in (("layers", int, 4), ("epochs", int, 20), ("lr", float, 0.01), ("size", int, 256), ("batch", int, 128),
                              ("seed", int, 1)):
        parser.add_argument("--" + name, type=kind, default=value)
    parser.add_argument("--rule", default="x + 13")
    parser.add_argument("--batched", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(args.seed)
    maps = [3]
    for _ in range(args.layers):
        maps.append(eval("lambda x: " + args.rule)(maps[-1]))
    raw, labels = pictures(args.data, args.size)
    data = raw.float() / 255
    mean, std = data.mean(dim=(0, 2, 3)), data.transpose(0, 1).reshape(3, -1).std(dim=1)
    data = (data - mean[:, None, None]) / std[:, None, None]
    order = torch.randperm(len(data))
    n_train = int(0.6 * len(data))
    train, val = order[:n_train], order[n_train:]
    counts = torch.bincount(labels).double()
    weights = torch.round(1 - counts / counts.sum(), decimals=3).float()
    model = CNN(maps, args.size)
    criterion = nn.CrossEntropyLoss(weight=weights)
    optimiser = torch.optim.SGD(model.parameters(), lr=args.lr)
    for epoch in range(1, args.epochs + 1):
        start = time.perf_counter()
        losses, correct = [], 0
        for batch in train[torch.randperm(n_train)].split(args.batch):
            optimiser.zero_grad()
            out = model(data[batch])
            loss = criterion(out, labels[batch])
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            correct += (out.argmax(1) == labels[batch]).sum().item()
        middle = time.perf_counter()
        model.eval()
        right = 0
        with torch.no_grad():
            for batch in val.split(args.batch if args.batched else 1):
                right += (model(data[batch]).argmax(1) == labels[batch]).sum().item()
        model.train()
        end = time.perf_counter()
        print(json.dumps({"epoch": epoch, "loss": sum(losses) / len(losses), "train_accuracy": 100 * correct / n_train,
                          "val_accuracy": 100 * right / len(val), "train_seconds": middle - start, "eval_seconds": end - middle}),
              flush=True)


main()
