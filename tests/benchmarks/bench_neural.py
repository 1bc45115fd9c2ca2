"""How much faster a block of replicates trains than one plain PyTorch run after the other.

The baseline is what one would write by hand: ``nn.Linear``, fused AdamW, plain indexing; same
model, batch and number of steps, one thread. Processor seconds are compared, the median of
interleaved repeats, so that a busy machine matters less.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_neural.py [--replicates 8] [--repeats 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from recurse.backend import backends
from recurse.families.diffusion import Diffusion
from recurse.families.neural import Neural
from recurse.families.training import Training as Budget
from recurse.families.vae import Vae
from recurse.lowering.measure import runtime_arrays
from recurse.lowering.shelves import Stretch, TrainingSet
from recurse.lowering.supervisor import Alone
from recurse.lowering.training import Training
from recurse.metrics.diversity import Diversity
from recurse.nets import features, initial
from recurse.nets.mlp import MLP
from recurse.numerics.streams import Streams
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources import Source
from recurse.sources.digits import Digits
from recurse.sources.mixture import Mixture

N = 1000


def diffusion(width: int, batch: int, steps: int) -> Diffusion:
    net = MLP(hidden=(width,) * 3, activation="silu")
    return Diffusion(net=net, train=Budget(steps=steps, batch=batch))


CASES: dict[str, tuple[Source, Neural[Any]]] = {
    "diffusion 3x128, batch 256": (Mixture(), diffusion(128, 256, 200)),
    "diffusion 3x64, batch 64": (Mixture(), diffusion(64, 64, 400)),
    "vae (128,), batch 50": (Digits(), Vae(train=Budget(steps=400, batch=50))),
}


class Denoiser(nn.Module):
    """What ``recurse.nets.mlp`` is, as one would write it for one replicate."""

    def __init__(self, widths: tuple[int, ...], frequencies: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(i, o) for i, o in pairwise(widths)])
        self.time = nn.Linear(2 * frequencies, widths[1], bias=False)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        x = self.layers[0](x) + self.time(features(torch, time, self.time.in_features))
        for layer in self.layers[1:]:
            x = layer(functional.silu(x))
        return x


def batches(data: Tensor, batch: int, steps: int) -> Any:
    order, place = torch.randperm(len(data)), 0
    for _ in range(steps):
        if place + batch > len(data):
            order, place = torch.randperm(len(data)), 0
        yield data[order[place : place + batch]]
        place += batch


def plain_diffusion(family: Diffusion, data: Tensor) -> None:
    assert isinstance(family.net, MLP) and family.train.steps is not None
    net = Denoiser((data.shape[1], *family.net.hidden, data.shape[1]), family.net.frequencies)
    adam = torch.optim.AdamW(net.parameters(), family.train.learning_rate, fused=True)
    signal = torch.from_numpy(family.signal.astype(np.float32))
    for x in batches(data, family.train.batch, family.train.steps):
        time, noise = torch.randint(family.times, (len(x),)), torch.randn_like(x)
        kept = signal[time][:, None]
        found = net(kept.sqrt() * x + (1 - kept).sqrt() * noise, time / (family.times - 1))
        loss = ((found - noise) ** 2).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()


def plain_vae(family: Vae, data: Tensor) -> None:
    assert isinstance(family.net, MLP) and family.train.steps is not None
    pixels, hidden = data.shape[1], family.net.hidden
    encoder = sequential((pixels, *hidden, 2 * family.latent))
    decoder = sequential((family.latent, *reversed(hidden), pixels))
    both = [*encoder.parameters(), *decoder.parameters()]
    adam = torch.optim.AdamW(both, family.train.learning_rate, fused=True)
    for image in batches(data, family.train.batch, family.train.steps):
        mean, logvar = encoder(image).chunk(2, dim=-1)
        decoded = decoder(mean + torch.exp(0.5 * logvar) * torch.randn_like(mean))
        divergence = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum()
        error = functional.binary_cross_entropy_with_logits(decoded, image, reduction="sum")
        loss = (error + divergence) / len(image)
        adam.zero_grad()
        loss.backward()
        adam.step()


def sequential(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def plain(family: Neural[Any], data: NDArray[np.float32]) -> None:
    """The loop over replicates that a user would write."""
    for own in torch.from_numpy(data):
        if isinstance(family, Diffusion):
            plain_diffusion(family, own)
        else:
            assert isinstance(family, Vae)
            plain_vae(family, own)


def ours(
    name: str, source: Source, family: Neural[Any], data: NDArray[np.float32]
) -> Callable[[], Any]:
    """A fit of all replicates on a backend, compiled already."""
    arm = Arm(
        source=source,
        model=family,
        policy=Replace(),
        samples=Samples(real=N, synthetic=N),
        backend=name,
        generations=1,
        metrics=(Diversity(),),
    )
    backend, streams = backends()[name], Streams(range(len(data)))
    runtime = backend.start()
    training = Training(
        arm, streams, runtime, backend.train(runtime, family, source, streams), Alone()
    )
    (field,) = family.fields(source)
    pool = TrainingSet([Stretch({f"fields/{field}": data}, N, 1.0)], None)
    weights = runtime_arrays(runtime, initial(family.weights(source), streams, 0))

    def fit() -> object:
        return runtime.host(next(iter(training.fit(0, pool, weights)[0].values())))

    fit()
    return fit


def seconds(call: Callable[[], Any]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def compare(name: str, replicates: int, repeats: int) -> None:
    source, family = CASES[name]
    (field,) = family.fields(source)
    data = source.draw(Streams(range(replicates)), 0, "real", N)[field].astype(np.float32)
    calls: dict[str, Callable[[], Any]] = {"plain": lambda: plain(family, data)}
    calls |= {backend: ours(backend, source, family, data) for backend in ("torch", "jax")}
    spent: dict[str, list[float]] = {key: [] for key in calls}
    for _ in range(repeats):
        for key, call in calls.items():
            spent[key].append(seconds(call))
    middle = {key: statistics.median(values) for key, values in spent.items()}
    ratios = ", ".join(f"{key} {middle['plain'] / middle[key]:.1f}x" for key in ("torch", "jax"))
    assert family.train.steps is not None
    steps = ", ".join(f"{key} {1e3 * v / family.train.steps:.2f} ms" for key, v in middle.items())
    print(f"{name}, {replicates} replicates: {ratios}   (a step: {steps})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in CASES:
        compare(name, options.replicates, options.repeats)


if __name__ == "__main__":
    main()
