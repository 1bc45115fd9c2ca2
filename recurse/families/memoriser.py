"""The memoriser of Hutter: it knows the answer for every input that it has seen, and no other."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families.categorical import Counted
from recurse.numerics.arrays import Array, Arrays
from recurse.sources import Source
from recurse.sources.categorical import CategoricalSource


class Memoriser(Counted):
    """Inputs 0 .. K - 1, each with one right answer; a fit is the set of those in its data.

    It errs on what it has not seen, so its test error is ``missing_mass``. As a generator it is
    given inputs as they come in the world and puts out those that it can answer: ``p [R, K]`` is
    the true law of the inputs on the known ones. How often an input was seen does not matter, which
    sets it apart from ``categorical``: there a frequency wanders, here it stays what it is.
    """

    kind: Literal["memoriser"] = "memoriser"
    cite = "Hutter 2102.04074; Dohmatob et al. 2402.07043, section 2"
    law: ClassVar[str] = "categorical"
    inputs: CategoricalSource | None = None
    """The law of the inputs; that of the source by default."""

    def refusal(self, source: Source) -> str | None:
        if self.inputs is None and not isinstance(source, CategoricalSource):
            return f"'memoriser' needs the law of its inputs, source '{source.kind}' does not say"
        return super().refusal(source)

    def completed(self, source: Source) -> Memoriser:
        sized = super().completed(source)
        inputs = self.inputs or source
        return self.model_copy(update={"symbols": sized.symbols, "inputs": inputs})

    def estimate(self, xp: Any, statistics: Arrays) -> dict[str, Array]:
        assert self.inputs is not None, "the law of the inputs comes from the source: see completed"
        seen = statistics["counts"]
        kept = xp.where(seen > 0, xp.asarray(self.inputs.p.copy())[None, :], xp.zeros_like(seen))
        total = xp.sum(kept, axis=1, keepdims=True)
        # Nothing seen (all was filtered out) has no fit.
        return {"p": kept / xp.where(total > 0, total, xp.full_like(total, float("nan")))}
