"""Frequencies of symbols: each fit counts a multinomial sample of the last (Wright-Fisher)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families.multinomial import Laws
from recurse.families.roles import Conditional, Exact
from recurse.numerics.arrays import Array, Arrays, Host
from recurse.numerics.counting import pick, tally
from recurse.numerics.streams import Draw, Given, Uniform
from recurse.sources import Discrete, Source

_LOOKUP = 40.0  # arithmetic that one step of a search takes the time of


class Counted(Exact[Source], Conditional[Source]):
    """Symbols 0 .. K - 1 with probabilities ``p [R, K]``, fitted to how often each was seen."""

    needs: ClassVar[tuple[str, ...]] = ("symbol",)
    parameters: ClassVar[tuple[str, ...]] = ("p",)
    quantities: ClassVar[tuple[str, ...]] = ("log_prob",)
    symbols: Annotated[int, Field(ge=2, le=10_000_000)] | None = None
    """The number of symbols; that of the source by default."""

    def refusal(self, source: Source) -> str | None:
        if not isinstance(source, Discrete) or "symbol" not in source.fields:
            return f"'{self.kind}' counts symbols, source '{source.kind}' has {list(source.fields)}"
        if self.symbols not in (None, source.alphabet):
            return f"'{self.kind}' has {self.symbols} symbols, the source {source.alphabet}"
        return None

    def completed(self, source: Source) -> Counted:
        if self.symbols is not None or not isinstance(source, Discrete):
            return self
        return self.model_copy(update={"symbols": source.alphabet})

    def numbers(self, source: Source) -> int:
        return source.alphabet + 1 if isinstance(source, Discrete) else 1

    def cost(self, source: Source, size: int) -> tuple[int, float]:
        """A symbol is found by halving the alphabet."""
        symbols = source.alphabet if isinstance(source, Discrete) else 2
        return 0, _LOOKUP * size * math.log2(symbols)

    def statistics(self, xp: Any, batch: Arrays, weights: Array) -> dict[str, Array]:
        return {
            "count": xp.sum(weights, axis=1),
            "counts": tally(xp, batch["symbol"], weights, self._size()),
        }

    def merge(self, xp: Any, left: Arrays, right: Arrays) -> dict[str, Array]:
        return {name: left[name] + right[name] for name in left}

    def noise(self, source: Source, n: int) -> Mapping[str, Draw]:
        return {"u": Uniform((n,))}

    def sample(
        self, xp: Any, source: Source, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        return {"symbol": pick(xp, params["p"], noise["u"])}

    def given(self, source: Source, n: int, params: Host) -> Mapping[str, Given]:
        laws = Laws.of(params["p"])
        return {"counts": lambda generator, replicate: laws.counts(generator, replicate, n)[0]}

    def sample_statistics(
        self, xp: Any, source: Source, n: int, params: Arrays, noise: Arrays, design: Arrays
    ) -> dict[str, Array]:
        """Counts of n samples: multinomial, drawn in ``given``."""
        counts = xp.astype(noise["counts"], xp.float64)
        return {"count": xp.sum(counts, axis=1), "counts": counts}

    def evaluate(self, xp: Any, source: Source, params: Arrays, data: Arrays) -> Array:
        """Minus infinity where the held-out data have a symbol that the model has lost."""
        symbols = xp.astype(data["symbol"], xp.int64)
        if symbols.ndim == 1:
            shape = (params["p"].shape[0], symbols.shape[0])
            symbols = xp.broadcast_to(symbols[None, :], shape)
        p = xp.take_along_axis(params["p"], symbols, axis=1)
        known = xp.log(xp.where(p > 0, p, xp.ones_like(p)))
        return xp.mean(xp.where(p > 0, known, -math.inf * xp.ones_like(p)), axis=1)

    def _size(self) -> int:
        assert self.symbols is not None, "the number of symbols is the source's: see completed"
        return self.symbols


class Categorical(Counted):
    """Symbols 0 .. K - 1 with probabilities ``p [R, K]``, fitted by their relative frequencies.

    A symbol that is not in the training data gets probability zero and never comes back from the
    model alone; with all but one lost the model is a point. Both are laws of the model, not
    failures: ``unique`` and ``missing_mass`` record them.
    """

    kind: Literal["categorical"] = "categorical"
    version: ClassVar[int] = 2
    cite = (
        "Seddik et al. 2404.05090; Shumailov et al. 2305.17493 (discrete); Suresh et al. 2412.17646"
    )
    smoothing: Annotated[float, Field(ge=0)] = 0.0
    """Added to the count of every symbol (Laplace: 1); without it, what is lost stays lost."""

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        counts = statistics["counts"] + self.smoothing
        total = statistics["count"] + self.smoothing * self._size()
        # Nothing left (all was filtered out) has no fit.
        total = xp.where(total > 0, total, xp.full_like(total, float("nan")))
        return {"p": counts / total[:, None]}
