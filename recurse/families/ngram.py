"""Next-token frequencies after each context: a language model without parameters to share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.families.multinomial import Laws
from recurse.families.roles import Conditional, Exact
from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.counting import digits, follow, pick, running_sums, shape_of_grams, tally
from recurse.numerics.streams import Draw, Given, Uniform
from recurse.schedule import Row
from recurse.sources import Discrete, Source
from recurse.sources.markov import Markov

_LOOKUP = 20.0  # arithmetic of finding one number in a table
_DRAWING = 3e4  # arithmetic of a call that draws counts on the host, however many


class Ngram(Exact[Source], Conditional[Source]):
    """Blocks of tokens; each token depends on the ``order - 1`` before it.

    Parameters: ``p [R, C, V]``, the law of the next token after each of ``C = V^(order - 1)``
    contexts; ``start [R, C]``, the law of the first context of a block; ``contexts [R, C]``, the
    share of each context in the training data. All are relative frequencies, ``smoothing`` added to
    each count of ``p`` and ``start``.

    A context that no token followed in the training data takes the law of the shorter context
    (without its oldest token), down to that of all tokens, as NLTK's generator does; with smoothing
    it has the uniform law. Its share in ``contexts`` is zero: metrics leave it out, so that what a
    model has not seen does not count as known.

    Where a block is one gram the counts of a model's samples are multinomial.
    """

    kind: Literal["ngram"] = "ngram"
    cite = "Seddik et al. 2404.05090; Shumailov et al. 2305.17493 (a language model, made small)"
    needs: ClassVar[tuple[str, ...]] = ("tokens",)
    parameters: ClassVar[tuple[str, ...]] = ("p", "start", "contexts")
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)
    order: Annotated[int, Field(ge=1, le=3)] = 2
    """Tokens in a gram: 1 counts tokens, 2 looks at the token before, 3 at two of them."""
    smoothing: Annotated[float, Field(ge=0)] = 0.0
    """Added to every count (Laplace: 1); without it what is not in the data has probability 0."""
    symbols: Annotated[int, Field(ge=2, le=10_000_000)] | None = None
    """The number of tokens; that of the source by default."""

    def refusal(self, source: Source) -> str | None:
        if not isinstance(source, Discrete) or "tokens" not in source.fields:
            return f"'ngram' reads blocks of tokens, source '{source.kind}' has none"
        if self.symbols not in (None, source.alphabet):
            return f"'ngram' has {self.symbols} tokens, the source {source.alphabet}"
        shape = shape_of_grams(source.alphabet, self.order)
        if isinstance(shape, str):
            return shape
        if _length(source) < self.order:
            return f"a block of {_length(source)} has no gram of {self.order} tokens"
        return None

    def completed(self, source: Source) -> Ngram:
        if self.symbols is not None or not isinstance(source, Discrete):
            return self
        return self.model_copy(update={"symbols": source.alphabet})

    def numbers(self, source: Source) -> int:
        contexts, size = self.completed(source)._shape()
        return contexts * (size + 1) + 1

    def cost(self, source: Source, size: int) -> tuple[int, float]:
        table, length = self.numbers(source), _length(source)
        grams = size * (length - self.order + 1)
        sorting = _LOOKUP * (grams + table) * math.log2(grams + 2)
        symbols = self.completed(source)._shape()[1]
        return 6 * grams, sorting + _LOOKUP * size * length * math.log2(symbols)

    def estimate_cost(self, source: Source) -> float:
        return 30.0 * self.numbers(source) + _DRAWING

    def density_cost(self, source: Source, size: int) -> float:
        return _LOOKUP * _length(source)

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        contexts, size = self._shape()
        tokens = xp.astype(batch["tokens"], xp.int64)
        first, grams = self._codes(xp, tokens)
        each = xp.broadcast_to(weights[:, :, None], grams.shape)
        flat = (weights.shape[0], -1)
        return {
            "count": xp.sum(weights, axis=1),
            "starts": tally(xp, first, weights, contexts),
            "grams": tally(xp, xp.reshape(grams, flat), xp.reshape(each, flat), contexts * size),
        }

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        return {name: left[name] + right[name] for name in left}

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        contexts, size = self._shape()
        counts = xp.reshape(statistics["grams"], (-1, contexts, size))
        starts = statistics["starts"] + self.smoothing
        seen = xp.sum(counts, axis=2)
        return {
            "p": _laws(xp, counts + self.smoothing),
            "start": starts / _above_zero(xp, xp.sum(starts, axis=1))[:, None],
            "contexts": seen / _above_zero(xp, xp.sum(seen, axis=1))[:, None],
        }

    def noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        return {"u": Uniform((n, _length(source) - self.order + 2))}

    def sample(
        self, xp: Any, source: Source, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        def call(method: str, *arguments: Any) -> Any:
            return getattr(self, method)(xp, *arguments)

        return dict(self.generate(call, source, params, noise, design))

    def generate(
        self,
        call: Callable[..., Any],
        source: Source,
        params: Arrays,
        noise: Arrays,
        design: Arrays,
    ) -> Arrays:
        """Token by token, all blocks of all replicates at once."""
        u = noise["u"]
        found: Arrays = call("begin", source, params, u[:, :, 0])
        context, tokens = found["context"], []
        for t in range(1, u.shape[2]):
            state = call("step", found["running"], context, u[:, :, t])
            context = state["context"]
            tokens.append(state["token"])
        return dict(call("finish", found["context"], dict(enumerate(tokens))))

    def begin(self, xp: Any, source: Source, params: Arrays, uniform: Array) -> dict[str, Array]:
        """First contexts of the blocks ``[R, n]``, and running sums of the laws of what follows."""
        context = pick(xp, params["start"], uniform)
        if _even(source):
            turn = xp.arange(uniform.shape[1], dtype=xp.int64) % self._shape()[0]
            context = xp.broadcast_to(turn[None, :], uniform.shape)
        return {"running": running_sums(xp, params["p"]), "context": context}

    def step(self, xp: Any, running: Array, context: Array, uniform: Array) -> dict[str, Array]:
        """One more token of each block ``[R, n]``, and the context that it leads to."""
        contexts, size = self._shape()
        token = follow(xp, running, context, uniform)
        return {"context": (context * size + token) % contexts, "token": token}

    def finish(self, xp: Any, context: Array, tokens: Mapping[int, Array]) -> dict[str, Array]:
        """The blocks ``[R, n, L]``."""
        begun = digits(xp, context, *self._shape())
        return {"tokens": xp.stack([*begun, *(tokens[t] for t in range(len(tokens)))], axis=2)}

    def refuses_statistics(self, source: Source, row: Row) -> str | None:
        if _length(source) != self.order:
            text = "overlap: no law of their counts is known"
            return f"the grams of {self.order} tokens in a block of {_length(source)} {text}"
        if isinstance(source, Markov) and source.order != self.order:
            return f"the source has order {source.order}, the model {self.order}"
        return None

    def given(self, source: Source, n: int, params: Host) -> Mapping[str, Given]:
        laws, start = Laws.of(params["p"]), Laws.of(params["start"])
        contexts = params["start"].shape[1]
        turns = n // contexts + (np.arange(contexts) < n % contexts)
        even = _even(source)

        def counts(generator: np.random.Generator, r: int) -> NDArray[np.int64]:
            # Contexts first: products of shares would round ties of counts apart.
            begun = turns if even else start.counts(generator, r, n)[0]
            return laws.counts(generator, r, begun).ravel()

        return {"counts": counts}

    def sample_statistics(
        self, xp: Any, source: Source, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        """Counts of n grams, drawn in ``given``."""
        contexts, size = self._shape()
        grams = xp.astype(noise["counts"], xp.float64)
        starts = xp.sum(xp.reshape(grams, (-1, contexts, size)), axis=2)
        return {"count": xp.sum(grams, axis=1), "starts": starts, "grams": grams}

    def evaluate(self, xp: Any, source: Source, params: Arrays, data: Arrays) -> Array:
        """Per token of a block; minus infinity where the model calls a block impossible."""
        tokens = xp.astype(data["tokens"], xp.int64)
        shared = tokens.ndim == 2
        first, grams = self._codes(xp, tokens[None, ...] if shared else tokens)
        replicates = params["p"].shape[0]

        def total(table: Array, codes: Array) -> Array:
            flat, codes = (
                xp.reshape(table, (replicates, -1)),
                xp.reshape(codes, (codes.shape[0], -1)),
            )
            if shared:
                codes = xp.broadcast_to(codes, (replicates, codes.shape[1]))
            p = xp.take_along_axis(flat, codes, axis=1)
            known = xp.log(xp.where(p > 0, p, xp.ones_like(p)))
            return xp.sum(xp.where(p > 0, known, -math.inf * xp.ones_like(p)), axis=1)

        count = tokens.shape[-2] * tokens.shape[-1]
        return (total(params["start"], first) + total(params["p"], grams)) / count

    def _codes(self, xp: Any, tokens: Array) -> tuple[Array, Array]:
        """The first context ``[R, n]`` and all grams ``[R, n, T]`` of blocks ``[R, n, L]``."""
        size = self._shape()[1]
        steps = tokens.shape[2] - self.order + 1
        context = xp.zeros((*tokens.shape[:2], steps), dtype=xp.int64)
        for i in range(self.order - 1):
            context = context * size + tokens[:, :, i : i + steps]
        return context[:, :, 0], context * size + tokens[:, :, self.order - 1 :]

    def _shape(self) -> tuple[int, int]:
        assert self.symbols is not None, "the number of tokens comes from the source: see completed"
        return self.symbols ** (self.order - 1), self.symbols


def _laws(xp: Any, counts: Array) -> Array:
    """Relative frequencies after each context ``[R, C, V]``, of a shorter one where it has none."""
    replicates, contexts, size = counts.shape
    total = xp.sum(counts, axis=2)
    own = counts / _above_zero(xp, total)[..., None]
    if contexts == 1:
        return own
    shorter = contexts // size
    split = xp.reshape(counts, (replicates, size, shorter, size))
    instead = _laws(xp, xp.sum(split, axis=1))
    tiled = xp.reshape(xp.broadcast_to(instead[:, None, :, :], split.shape), counts.shape)
    return xp.where(total[..., None] > 0, own, tiled)


def _above_zero(xp: Any, total: Array) -> Array:
    """Nothing left (all was filtered out) has no fit."""
    return xp.where(total > 0, total, xp.full_like(total, float("nan")))


def _length(source: Source) -> int:
    return source.fields["tokens"][0]


def _even(source: Source) -> bool:
    return isinstance(source, Markov) and source.start == "even"
