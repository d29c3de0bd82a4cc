"""Makes the fixtures of the parity tests: python3 gen_fixtures.py (needs torch 2.13 and numpy; nothing that a user builds, runs or tests does).

Both sides make the same weights, pictures and labels from one integer hash (see fixture.h), so that only what PyTorch answers is stored, in
float32, of large arrays 64 samples. Reference: float64. Beside it, how far PyTorch's own float32 is from that, by the formula of the tests:
the root of the mean, over the arrays of a kind, of |a - b|^2 / |b|^2.

A fixture is a sequence of records: name, 56 bytes; 0; count; then count float32, all little-endian."""
import os
import struct
import sys
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
from post_networks import CNN, VGG, GoogLeNet  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures')
SAMPLES = 64
MAPS = [3, 16, 29, 42, 55]
WEIGHTS = [0.52, 0.518, 0.962]


def hash_bits(text, count):
    seed = 0x811c9dc5
    for c in text.encode():
        seed = ((seed ^ c) * 0x01000193) & 0xffffffff
    with np.errstate(over='ignore'):
        h = np.arange(count, dtype=np.uint32) * np.uint32(0x9e3779b1) + np.uint32(seed)
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x7feb352d)
        h ^= h >> np.uint32(15)
        h *= np.uint32(0x846ca68b)
        h ^= h >> np.uint32(16)
    return h


def uniform(text, count):       # float32 in [-1, 1), exact
    return (hash_bits(text, count) >> np.uint32(8)).astype(np.float32) * np.float32(2.0 ** -23) - np.float32(1)


def array(text, *shape):
    return torch.from_numpy(uniform(text, int(np.prod(shape))).reshape(shape))


def pictures(seed, first, n, size):
    """Stripes whose direction is the class, under noise; and labels."""
    out, labels = np.empty((n, 3, size, size), np.float32), np.empty(n, np.int64)
    y, x = np.mgrid[0:size, 0:size]
    for i in range(n):
        index = first + i
        label = int(hash_bits(f'{seed} label', index + 1)[index] % np.uint32(3))
        noise = (hash_bits(f'{seed} picture {index}', 3 * size * size) % np.uint32(160)).astype(np.int64).reshape(3, size, size)
        stripes = (((x * (label - 1) + y * (label % 2 + 1) + 5 * index) // 4) % 2) * 96
        out[i] = (stripes[None] + noise - 128).astype(np.float32) / np.float32(64)
        labels[i] = label
    return torch.from_numpy(out), torch.from_numpy(labels)


def fill(model, seed):
    """Weights and biases of conv and linear: uniform within 1/sqrt(fan_in); norms as PyTorch begins."""
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                bound = np.float32(1 / np.sqrt(module.weight[0].numel()))
                for key, p in module.named_parameters():
                    p.copy_(torch.from_numpy(uniform(f'{seed} {name}.{key}', p.numel()) * bound).reshape(p.shape))


class Fixture:
    def __init__(self):
        self.records = []

    def add(self, name, values):
        assert len(name) < 56, name
        values = np.asarray(values, np.float64).astype('<f4').ravel()
        self.records.append(struct.pack('<56sII', name.encode(), 0, len(values)) + values.tobytes())

    def write(self, name):
        with open(os.path.join(HERE, name), 'wb') as f:
            f.write(b''.join(self.records))


def sample(t):
    t = t.detach().double().reshape(-1).numpy()
    k = min(SAMPLES, len(t))
    return t[[i * len(t) // k for i in range(k)]]


def error(got, want):
    e = [np.sum((got[k] - want[k]) ** 2) / np.sum(want[k] ** 2) for k in want if np.sum(want[k] ** 2) > 0]
    return float(np.sqrt(np.mean(e)))


def is_bias_before_norm(model, name):
    if isinstance(model, CNN) or not name.endswith('.bias'):
        return False
    return isinstance(model.get_submodule(name[:-5]), nn.Conv2d)


def whole(build, size, dtype, rate, steps=3, batch=8):
    """One network: everything that the test compares, sampled."""
    model = build()
    fill(model, 'w')
    model = model.to(dtype).train()
    out = {kind: {} for kind in ('logits', 'loss', 'grad', 'after', 'running', 'eval')}
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=rate)
    for step in range(steps):
        x, labels = pictures('d', step * batch, batch, size)
        logits = model(x.to(dtype))
        loss = F.cross_entropy(logits, labels, torch.tensor(WEIGHTS, dtype=dtype))
        optimiser.zero_grad()
        loss.backward()
        out['loss'][f'loss:{step}'] = np.array([loss.item()])
        if step == 0:
            out['logits']['logits'] = sample(logits)
            for name, p in model.named_parameters():
                if p.requires_grad and not is_bias_before_norm(model, name):
                    out['grad']['grad:' + name] = sample(p.grad)
        optimiser.step()
    for name, p in model.named_parameters():
        if p.requires_grad:
            out['after']['after:' + name] = sample(p)
    frozen = {id(m) for i in getattr(model, 'layers', []) if hasattr(i, 'inc_block') for m in i.inc_block.modules()} if getattr(model, 'post', 0) else set()
    for name, m in model.named_modules():
        if isinstance(m, nn.BatchNorm2d) and id(m) not in frozen:
            out['running'][f'after:{name}.running_mean'] = sample(m.running_mean)
            out['running'][f'after:{name}.running_var'] = sample(m.running_var)
    model.eval()
    x, _ = pictures('d', 100, batch, size)
    with torch.no_grad():
        out['eval']['eval'] = sample(torch.cat([model(x[i:i + 1].to(dtype)) for i in range(batch)]))
    return out


def whole_fixture(name, build, size, rate=1e-3):
    single, double = whole(build, size, torch.float32, rate), whole(build, size, torch.float64, rate)
    f = Fixture()
    for kind in double:
        for key, values in double[kind].items():
            f.add(key, values)
        e = error(single[kind], double[kind])
        f.add('error32:' + kind, [e])
        print(f'{name} {kind}: float32 is {e:.2e} from float64')
    f.write(name)


STEPS, BATCHES = 10, [8, 8, 4]


def train_steps(seed, dtype, noise=0):
    """Losses of ten steps. noise: added to each convolution's output and weight gradient, relative to its rms, as Winograd's rounding is."""
    model = CNN(MAPS, 64)
    fill(model, f'w{seed}')
    model = model.to(dtype).train()
    g = torch.Generator().manual_seed(seed)

    def disturb(t):
        return t + noise * t.pow(2).mean().sqrt() * torch.randn(t.shape, generator=g, dtype=t.dtype)

    for m in model.net if noise else []:
        if isinstance(m, nn.Conv2d):
            m.register_forward_hook(lambda module, args, y: disturb(y))
            m.weight.register_hook(disturb)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for step in range(STEPS):
        k = step % 3
        x, labels = pictures(f'd{seed}', sum(BATCHES[:k]), BATCHES[k], 64)
        loss = F.cross_entropy(model(x.to(dtype)), labels, torch.tensor(WEIGHTS, dtype=dtype))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return np.array(losses)


def steps_fixture():
    """The first seed on which PyTorch's float32 follows its float64 to 1e-5 and the loss falls by half. Beside it, how far float64 itself
    goes when each convolution rounds as Winograd's does: a few ReLUs and maxima of half a million turn, and ten steps make 1e-2 of it."""
    for seed in range(400):
        double = train_steps(seed, torch.float64)
        distance = np.abs(train_steps(seed, torch.float32) - double).max()
        if not (distance < 1e-5 and double[-1] < double[0] / 2):
            continue
        disturbed = max(np.abs(train_steps(seed, torch.float64, noise) - double).max() for noise in (2e-6, 4e-6, 8e-6, 1.2e-5))
        print(f'steps: seed {seed}: {double[0]:.4f} -> {double[-1]:.4f}, float32 is {distance:.1e} away, disturbed {disturbed:.1e}', flush=True)
        f = Fixture()
        f.add('seed', [seed])
        f.add('losses', double)
        f.add('error32:losses', [distance])
        f.add('disturbed:losses', [disturbed])
        f.write('steps.bin')
        return
    raise SystemExit('no seed works')


def node_fixture():
    """Single layers in float64 on hashed inputs and output gradients; `pre` (a 1 x 1 convolution by the identity) lets the test see dx."""
    f = Fixture()

    def run(name, module, x_shape, trained=()):
        module = module.double()
        x = array(name + ' x', *x_shape).double().requires_grad_(True)
        y = module(x)
        y.backward(array(name + ' dy', *y.shape).double())
        f.add(name + ':y', y.detach().numpy())
        f.add(name + ':dx', x.grad.numpy())
        for key, p in trained:
            f.add(f'{name}:d{key}', p.grad.numpy())
        return module

    def conv(name, c, out, k, stride, pad, h, w, n=2):
        m = nn.Conv2d(c, out, k, stride=stride, padding=pad)
        with torch.no_grad():
            m.weight.copy_(array(name + ' weight', *m.weight.shape))
            m.bias.copy_(array(name + ' bias', out))
        m = m.double()
        run(name, m, (n, c, h, w), (('weight', m.weight), ('bias', m.bias)))

    conv('conv5', 3, 6, 5, 1, 2, 13, 11)
    conv('conv3', 5, 4, 3, 1, 1, 12, 10)
    conv('conv3 one row', 4, 3, 3, 1, 1, 1, 6)
    conv('conv1', 6, 5, 1, 1, 0, 9, 7)
    conv('conv7', 3, 8, 7, 2, 3, 19, 22)
    conv('conv3 stride', 3, 4, 3, 2, 0, 9, 10)
    for name, training in (('norm', True), ('norm eval', False)):
        m = nn.BatchNorm2d(5)
        with torch.no_grad():
            m.weight.copy_(array(name + ' weight', 5))
            m.bias.copy_(array(name + ' bias', 5))
            m.running_mean.copy_(array(name + ' running_mean', 5))
            m.running_var.copy_(array(name + ' running_var', 5) * 0.5 + 1)
        m = m.double().train(training)
        run(name, m, (3, 5, 7, 6), (('weight', m.weight), ('bias', m.bias)) if training else ())
        f.add(name + ':running_mean', m.running_mean.numpy())
        f.add(name + ':running_var', m.running_var.numpy())
    run('relu', nn.ReLU(), (2, 3, 5, 7))
    run('pool2', nn.MaxPool2d(2, 2), (2, 4, 9, 7))
    run('pool3', nn.MaxPool2d(3, 2, 1), (2, 3, 10, 9))
    run('pool3 same', nn.MaxPool2d(3, 1, 1), (2, 3, 6, 5))
    run('average', nn.AvgPool2d((6, 5), 1), (2, 4, 6, 5))
    m = nn.Linear(30, 7)
    with torch.no_grad():
        m.weight.copy_(array('dense weight', 7, 30))
        m.bias.copy_(array('dense bias', 7))
    m = m.double()

    class Flat(nn.Module):
        def forward(self, x):
            return m(x.flatten(1))

    run('dense', Flat(), (3, 5, 3, 2), (('weight', m.weight), ('bias', m.bias)))
    f.write('nodes.bin')


if __name__ == '__main__':
    torch.set_num_threads(2)
    os.makedirs(HERE, exist_ok=True)
    node_fixture()
    steps_fixture()
    whole_fixture('cnn.bin', lambda: CNN(MAPS, 64), 64, rate=1e-2)
    whole_fixture('vgg11a.bin', lambda: VGG('A', 64), 64)
    whole_fixture('vgg16c.bin', lambda: VGG('C', 64), 64)
    whole_fixture('googlenet.bin', lambda: GoogLeNet(64, dropout=0), 64)
    whole_fixture('googlenet_post.bin', lambda: GoogLeNet(64, post=True, dropout=0), 64)
