"""The speed of a block of replicates against one plain PyTorch run after the other.

The baseline is what one would write by hand: ``nn.Sequential``, ``torch.optim.Adam``, plain
indexing; same model, data, epochs and batch size, one thread. CPU seconds of the process are
compared, the best of several interleaved repeats, so that a busy machine matters less.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_vae.py [--replicates 8] [--images 1000]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from recurse.backend import backends
from recurse.families.vae import Vae
from recurse.numerics.streams import Streams
from recurse.sources.digits import Digits

SIZES = {
    "default": Vae(),
    "small": Vae(hidden=(64,), batch=50),
    "wide": Vae(hidden=(256,), batch=64),
    "deep": Vae(hidden=(256, 128), batch=100),
}
FIRST_FIT = """
import sys, time
began = time.perf_counter()
from recurse.backend import backends
from recurse.families.vae import Vae
from recurse.sources.digits import Digits
from recurse.numerics.streams import Streams
runtime = backends()["jax"].start()
model = backends()["jax"].neural(runtime, Vae(epochs=1), Digits())
streams = Streams(range(8))
data = Digits().draw(streams, 0, "real", 1000)
started = time.perf_counter()
weights = model.spec.initial(streams, 0, model.source)
model.fit(streams, 0, data, {name: runtime.array(value) for name, value in weights.items()})
ended = time.perf_counter()
print(f"start {started - began:.2f} s, first fit {ended - started:.2f} s, "
      f"of which tracing and compiling {runtime.compile_seconds():.2f} s")
"""


def plain(spec: Vae, images: NDArray[np.float32]) -> float:
    """One replicate in plain PyTorch; the training loss of the last epoch."""
    widths = (images.shape[-1], *spec.hidden, 2 * spec.latent)
    encoder = sequential(widths)
    decoder = sequential((spec.latent, *reversed(spec.hidden), images.shape[-1]))
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], spec.learning_rate)
    bank = torch.from_numpy(images)
    total = 0.0
    for epoch in range(spec.epochs):
        order = torch.randperm(len(bank))
        for step in range(len(bank) // spec.batch):
            image = bank[order[step * spec.batch : (step + 1) * spec.batch]]
            mean, logvar = encoder(image).chunk(2, dim=-1)
            decoded = decoder(mean + torch.exp(0.5 * logvar) * torch.randn_like(mean))
            divergence = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum()
            error = functional.binary_cross_entropy_with_logits(decoded, image, reduction="sum")
            loss = (error + divergence) / spec.batch
            adam.zero_grad()
            loss.backward()
            adam.step()
            if epoch == spec.epochs - 1:
                total += loss.item()
    return total


def sequential(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def seconds(call: Callable[[], Any]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def compare(name: str, spec: Vae, replicates: int, images: int, repeats: int) -> None:
    streams = Streams(range(replicates))
    data = Digits().draw(streams, 0, "real", images)
    calls: dict[str, Callable[[], Any]] = {
        "plain": lambda: [plain(spec, image) for image in data["image"]]
    }
    for backend in ("torch", "jax"):
        runtime = backends()[backend].start()
        model = backends()[backend].neural(runtime, spec, Digits())
        calls[backend] = fit(model, streams, data)
        calls[backend]()
    best = {key: min(seconds(call) for _ in range(1)) for key, call in calls.items()}
    for _ in range(repeats - 1):
        best = {key: min(best[key], seconds(call)) for key, call in calls.items()}
    ratios = ", ".join(f"{key} {best['plain'] / best[key]:.1f}x" for key in ("torch", "jax"))
    times = ", ".join(f"{key} {value:.2f} s" for key, value in best.items())
    print(f"{name:8} hidden {spec.hidden} batch {spec.batch}: {ratios}   ({times})", flush=True)


def fit(model: Any, streams: Streams, data: dict[str, NDArray[Any]]) -> Callable[[], Any]:
    weights = model.spec.initial(streams, 0, model.source)
    start = {name: model.runtime.array(value) for name, value in weights.items()}
    return lambda: model.fit(streams, 0, data, start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=8)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{options.replicates} replicates of {options.images} images, {options.epochs} epochs")
    for name, spec in SIZES.items():
        short = spec.model_copy(update={"epochs": options.epochs})
        compare(name, short, options.replicates, options.images, options.repeats)
    with tempfile.TemporaryDirectory() as folder:
        for process in ("first", "second"):
            environment = {**os.environ, "RECURSE_CACHE_DIR": folder}
            found = subprocess.check_output([sys.executable, "-c", FIRST_FIT], env=environment)
            print(f"jax, {process} process: {found.decode().strip()}", flush=True)


if __name__ == "__main__":
    main()
