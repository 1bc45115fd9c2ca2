"""The trainer of every neural family in torch: the replicates of a block as one program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from recurse.backend import Wrapper
from recurse.families.neural import Nets, Neural, Requests
from recurse.numerics.arrays import Arrays, Host
from recurse.numerics.streams import Streams
from recurse.sources import Source
from recurse_torch import BACKEND, noise
from recurse_torch.flat import Flat
from recurse_torch.runtime import TorchRuntime


@dataclass
class State:
    """A training under way."""

    nets: Nets
    flat: Flat
    gradient: Tensor
    adam: torch.optim.Optimizer
    average: Tensor | None


class Trainer:
    """``recurse.backend.Trainer``. Weights: float32 tensors ``[R, ...]``."""

    def __init__(
        self, runtime: TorchRuntime, family: Neural[Any], source: Source, streams: Streams
    ) -> None:
        self.runtime, self.family = runtime, family
        self.source, self.streams = source, streams
        self._served = self._module()
        self._serving = Flat(self._served)

    def begin(self, model: Arrays) -> State:
        """The state of a training that begins at a model."""
        module, train = self._module(), self.family.train
        flat = Flat(module)
        flat.fill(flat.weights, model)
        gradient = flat.zeros()
        for name, own in flat.views(gradient).items():
            module.get_parameter(name).grad = own
        flat.weights.grad = gradient
        adam = torch.optim.AdamW(
            [flat.weights], lr=0.0, betas=train.betas, weight_decay=train.weight_decay, fused=True
        )
        if "steps" in model:
            first, second = flat.zeros(), flat.zeros()
            flat.fill(first, model, "first/")
            flat.fill(second, model, "second/")
            step = model["steps"].max().to(torch.float32)  # a replicate that broke has fewer
            adam.state[flat.weights] = {"step": step, "exp_avg": first, "exp_avg_sq": second}
        average = None
        if train.average is not None:
            average = flat.weights.clone()
            if f"average/{next(iter(flat.views(average)))}" in model:
                flat.fill(average, model, "average/")
        return State(dict(module), flat, gradient, adam, average)

    def advance(
        self, state: State, generation: int, first: int, batches: Host, rates: NDArray[np.float64]
    ) -> tuple[State, NDArray[np.float64]]:
        """One optimiser step for each of ``rates``, and the losses before them ``[k, R]``."""
        fields = {name: self.runtime.array(values) for name, values in batches.items()}
        size = next(iter(batches.values())).shape[2]
        drawn = self._drawn(
            generation, f"training/{first}", self.family.noise(self.source), (len(rates), size)
        )
        steps = {name: values.transpose(0, 1).contiguous() for name, values in drawn.items()}
        losses = []
        for step, rate in enumerate(rates.tolist()):
            batch = {name: values[step] for name, values in fields.items()}
            random = {name: values[step] for name, values in steps.items()}
            losses.append(self._step(state, batch, random, rate))
        return state, self.runtime.host(torch.stack(losses)).astype(np.float64)

    def model(self, state: State) -> dict[str, Tensor]:
        """Everything that ``begin`` would need to go on from here with the same bits."""
        flat = state.flat
        found = flat.named(flat.weights)
        if state.average is not None:
            found |= flat.named(state.average, "average/")
        if held := state.adam.state.get(flat.weights):
            found |= flat.named(held["exp_avg"], "first/")
            found |= flat.named(held["exp_avg_sq"], "second/")
            found["steps"] = held["step"].expand(len(self.streams.seeds)).clone()
        return found

    @torch.no_grad()
    def sample(
        self, model: Arrays, generation: int, purpose: str, index: int, n: int, wrapper: Wrapper
    ) -> Host:
        """``n`` samples per replicate."""
        family, xp = self.family, self.runtime.xp
        nets = wrapper.wrap(xp, self._nets(model))
        wanted = family.sampling(self.source)

        def drawn(when: str, requests: Requests) -> dict[str, Tensor]:
            return self._drawn(generation, f"{purpose}/{when}/{index}", requests, (n,))

        state = family.open(xp, nets, drawn("open", wanted.open))
        for i in range(family.rounds):
            state = family.round(xp, nets, i, state, drawn(f"round/{i}", wanted.round))
        fields = family.close(xp, nets, state, drawn("close", wanted.close))
        return {name: self.runtime.host(values) for name, values in fields.items()}

    @torch.no_grad()
    def score(
        self, model: Arrays, generation: int, quantity: str, index: int, data: Host
    ) -> NDArray[np.float64]:
        """The family's quantity of data, each sample's: ``[R, n, ...]``."""
        family = self.family
        batch = {name: self.runtime.array(values) for name, values in data.items()}
        rows = next(iter(batch.values())).shape[1]
        requests = family.scoring(self.source, quantity)
        random = self._drawn(generation, f"evaluation/{quantity}/{index}", requests, (rows,))
        scores = family.score(self.runtime.xp, self._nets(model), quantity, batch, random)
        return self.runtime.host(scores).astype(np.float64)

    def _step(self, state: State, batch: Arrays, random: Arrays, rate: float) -> Tensor:
        """One step; returns the loss of each replicate before it, ``[R]``."""
        state.gradient.zero_()
        each = self.family.loss(self.runtime.xp, state.nets, batch, random)
        loss: Tensor = (each * batch["weight"] if "weight" in batch else each).mean(dim=-1)
        torch.autograd.backward(loss.sum())
        if self.family.train.clip is not None:
            shorten(list(state.flat.views(state.gradient).values()), self.family.train.clip)
        state.adam.param_groups[0]["lr"] = rate
        state.adam.step()
        if state.average is not None and self.family.train.average is not None:
            state.average.lerp_(state.flat.weights, 1.0 - self.family.train.average.decay)
        return loss.detach()

    def _module(self) -> nn.ModuleDict:
        parts, replicates = self.family.parts(self.source), len(self.streams.seeds)
        modules = {n: BACKEND.module(p.net)(p.net, p.port, replicates) for n, p in parts.items()}
        return nn.ModuleDict(modules)

    def _nets(self, model: Arrays) -> Nets:
        """The networks with the weights of a model."""
        self._serving.fill(self._serving.weights, model)
        return dict(self._served)

    def _drawn(
        self, generation: int, purpose: str, requests: Requests, rows: tuple[int, ...]
    ) -> dict[str, Tensor]:
        device = self.runtime.device
        return noise.draw(self.streams, generation, purpose, requests, rows, device)


@torch.no_grad()
def shorten(slopes: list[Tensor], longest: float) -> None:
    """Scale the gradient ``[R, ...]`` of each replicate to at most this norm, in place."""
    # Summed along rows: sums of columns are rounded by their place among the replicates.
    squares = torch.stack([slope.flatten(1).square().sum(dim=1) for slope in slopes], dim=1)
    factor = longest / squares.sum(dim=1).sqrt().clamp(min=longest)
    for slope in slopes:
        slope.mul_(factor.view(-1, *(1,) * (slope.ndim - 1)))
