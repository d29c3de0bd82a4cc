"""The post's three classes, the inception's branches in an nn.ModuleList so that state_dict sees them; and the pictures, weights and labels
that both sides of the parity tests make from one integer hash. Only the generator of fixtures needs this."""
import numpy as np
import torch
import torch.nn as nn


class CNN(nn.Module):
    def __init__(self, num_layers, expansion, size, classes=3, channels=3):
        super().__init__()
        layers, c = [], channels
        for _ in range(num_layers):
            out = expansion(c)
            layers += [nn.Conv2d(c, out, 5, padding=2), nn.ReLU(), nn.BatchNorm2d(out), nn.MaxPool2d(2, 2)]
            c = out
        self.net = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Flatten(1), nn.Linear((size // 2 ** num_layers) ** 2 * c, 256), nn.ReLU(), nn.Linear(256, classes))

    def forward(self, x):
        return self.classifier(self.net(x))


class VGG(nn.Module):
    configs = {'A': [1, 1, 2, 2, 2], 'B': [2, 2, 2, 2, 2], 'C': [2, 2, 3, 3, 3], 'D': [2, 2, 3, 3, 3], 'E': [2, 2, 4, 4, 4]}

    def __init__(self, config, size, classes=3, channels=3):
        super().__init__()
        layers, c, out = [], channels, 64
        for n in self.configs[config]:
            for j in range(1, n + 1):
                one = config == 'C' and j == n and out >= 256
                layers += [nn.Conv2d(c, out, 1 if one else 3, padding=0 if one else 1), nn.BatchNorm2d(out), nn.ReLU()]
                c = out
            layers.append(nn.MaxPool2d(2, 2))
            out = min(out * 2, 512)
        self.net = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Flatten(1), nn.Linear((size // 32) ** 2 * c, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(),
                                        nn.Linear(4096, classes))

    def forward(self, x):
        return self.classifier(self.net(x))


class Conv(nn.Module):
    def __init__(self, c, out, **kw):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(c, out, **kw), nn.BatchNorm2d(out), nn.ReLU())

    def forward(self, x):
        return self.conv(x)


class Inception(nn.Module):
    def __init__(self, c, m1, r3, m3, r5, m5, pool):
        super().__init__()
        self.inc_block = nn.ModuleList([
            nn.Sequential(Conv(c, m1, kernel_size=1)),
            nn.Sequential(Conv(c, r3, kernel_size=1), Conv(r3, m3, kernel_size=3, padding=1)),
            nn.Sequential(Conv(c, r5, kernel_size=1), Conv(r5, m5, kernel_size=5, padding=2)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), Conv(c, pool, kernel_size=1))])

    def forward(self, x):
        return torch.cat([b(x) for b in self.inc_block], dim=1)


class GoogLeNet(nn.Module):
    def __init__(self, size, classes=3, channels=3, post=False, dropout=0.4):
        super().__init__()
        i = Inception
        self.layers = nn.Sequential(
            Conv(channels, 64, kernel_size=7, stride=2, padding=3), nn.MaxPool2d(3, 2, 1), Conv(64, 192, kernel_size=3, stride=1, padding=1),
            nn.MaxPool2d(3, 2, 1), i(192, 64, 96, 128, 16, 32, 32), i(256, 128, 128, 192, 32, 96, 64), nn.MaxPool2d(3, 2, 1),
            i(480, 192, 96, 208, 16, 48, 64), i(512, 160, 112, 224, 24, 64, 64), i(512, 128, 128, 256, 24, 64, 64),
            i(512, 112, 144, 288, 32, 64, 64), i(528, 256, 160, 320, 32, 128, 128), nn.MaxPool2d(3, 2, 1),
            i(832, 256, 160, 320, 32, 128, 128), i(832, 384, 192, 384, 48, 128, 128))
        self.classifier = nn.Sequential(nn.AvgPool2d(size // 32, 1), nn.Flatten(1), nn.Dropout(dropout), nn.Linear(1024, classes))
        self.post = post
        if post:
            for p in self.branches():
                p.requires_grad_(False)

    def branches(self):
        return [p for m in self.layers if isinstance(m, Inception) for p in m.parameters()]

    def train(self, mode=True):
        super().train(mode)
        if self.post:       # the post's branches are in a plain list: eval() does not reach their norms
            for m in self.layers:
                if isinstance(m, Inception):
                    m.inc_block.train(True)
        return self

    def forward(self, x):
        return self.classifier(self.layers(x))
