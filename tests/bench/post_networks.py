"""The post's three families in PyTorch, under the names that its state_dicts have, the inception's branches in an nn.ModuleList so that
state_dict sees them. For benchmarks, fixtures and interop only."""
import torch
from torch import nn


class CNN(nn.Module):
    """conv 5x5, ReLU, batch norm, max pool; as often as there are maps; then two dense layers."""

    def __init__(self, maps, size, classes=3):
        super().__init__()
        layers = []
        for before, after in zip(maps, maps[1:]):
            layers += [nn.Conv2d(before, after, 5, padding=2), nn.ReLU(), nn.BatchNorm2d(after), nn.MaxPool2d(2, 2)]
        self.net = nn.Sequential(*layers)
        inputs = (size // 2 ** (len(maps) - 1)) ** 2 * maps[-1]
        self.classifier = nn.Sequential(nn.Flatten(1), nn.Linear(inputs, 256), nn.ReLU(), nn.Linear(256, classes))

    def forward(self, x):
        return self.classifier(self.net(x))


class VGG(nn.Module):
    depths = {"A": [1, 1, 2, 2, 2], "B": [2, 2, 2, 2, 2], "C": [2, 2, 3, 3, 3], "D": [2, 2, 3, 3, 3], "E": [2, 2, 4, 4, 4]}

    def __init__(self, letter, size, classes=3):
        super().__init__()
        layers, before, after = [], 3, 64
        for depth in self.depths[letter]:
            for j in range(1, depth + 1):
                kernel = 1 if letter == "C" and j == depth and after >= 256 else 3
                layers += [nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.BatchNorm2d(after), nn.ReLU()]
                before = after
            layers.append(nn.MaxPool2d(2, 2))
            after = min(512, after * 2)
        self.net = nn.Sequential(*layers)
        inputs = (size // 32) ** 2 * before
        self.classifier = nn.Sequential(nn.Flatten(1), nn.Linear(inputs, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(),
                                        nn.Linear(4096, classes))

    def forward(self, x):
        return self.classifier(self.net(x))


class Conv(nn.Module):
    def __init__(self, before, after, **how):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(before, after, **how), nn.BatchNorm2d(after), nn.ReLU())

    def forward(self, x):
        return self.conv(x)


class Inception(nn.Module):
    def __init__(self, before, one, three_in, three, five_in, five, pool):
        super().__init__()
        self.inc_block = nn.ModuleList([
            nn.Sequential(Conv(before, one, kernel_size=1)),
            nn.Sequential(Conv(before, three_in, kernel_size=1), Conv(three_in, three, kernel_size=3, padding=1)),
            nn.Sequential(Conv(before, five_in, kernel_size=1), Conv(five_in, five, kernel_size=5, padding=2)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), Conv(before, pool, kernel_size=1)),
        ])

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.inc_block], dim=1)


class GoogLeNet(nn.Module):
    """post: as printed there, where the branches are in a plain list, that neither the optimiser nor eval() reaches."""

    blocks = [(192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64), None, (480, 192, 96, 208, 16, 48, 64),
              (512, 160, 112, 224, 24, 64, 64), (512, 128, 128, 256, 24, 64, 64), (512, 112, 144, 288, 32, 64, 64),
              (528, 256, 160, 320, 32, 128, 128), None, (832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128)]

    def __init__(self, size, classes=3, post=False, dropout=0.4):
        super().__init__()
        layers = [Conv(3, 64, kernel_size=7, stride=2, padding=3), nn.MaxPool2d(3, 2, 1),
                  Conv(64, 192, kernel_size=3, stride=1, padding=1), nn.MaxPool2d(3, 2, 1)]
        layers += [nn.MaxPool2d(3, 2, 1) if b is None else Inception(*b) for b in self.blocks]
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.AvgPool2d(size // 32, 1), nn.Flatten(1), nn.Dropout(dropout), nn.Linear(1024, classes))
        self.post = post
        for block in self.blocks_of() if post else []:
            block.requires_grad_(False)

    def blocks_of(self):
        return [layer for layer in self.layers if isinstance(layer, Inception)]

    def train(self, mode=True):
        super().train(mode)
        for block in self.blocks_of() if self.post else []:
            block.inc_block.train(True)
        return self

    def forward(self, x):
        return self.classifier(self.layers(x))


def build(name, size, classes=3):
    """name: "3-16-29-42-55", "vgg-a" .. "vgg-e", "googlenet"."""
    if name.startswith("vgg-"):
        return VGG(name[4:].upper(), size, classes)
    if name == "googlenet":
        return GoogLeNet(size, classes)
    return CNN([int(maps) for maps in name.split("-")], size, classes)
