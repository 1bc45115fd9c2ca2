"""ToEdit in the linear model: keep the data, relabel a share of them with the model."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.correctors import Corrector, Prepared, without_labels
from recurse.numerics.arrays import Array, Arrays, Batch, Host
from recurse.numerics.streams import Streams, Subset, Uniform
from recurse.sources import Source
from recurse.sources.linear_regression import Regression


class EditLabels(Corrector):
    """The data of the last generation, a share of whose labels is written anew by the last model.

    To be used with ``policy: replace`` and a reused design: what is handed on is the whole edited
    data set. ``disjoint``: no label is edited twice, as the published proof needs, and edits end
    when all are edited; ``overlapping``: each label is picked anew in every generation.
    """

    kind: Literal["edit_labels"] = "edit_labels"
    cite = "Zhu et al. 2412.14689 (ToEdit), sections 3 and 4"
    keeps: ClassVar[tuple[str, ...]] = ("y",)
    share: Annotated[float, Field(gt=0, le=1)]
    """The share of labels edited in a generation (with ``overlapping`` on average)."""
    edits: Literal["disjoint", "overlapping"] = "disjoint"

    def refusal(self, source: Source, fields: tuple[str, ...]) -> str | None:
        if not isinstance(source, Regression):
            return f"edits the labels of a linear regression, not of source '{source.kind}'"
        if source.design == "fresh":
            return "edits labels of inputs that stay, and a fresh design has new ones"
        return without_labels(fields)

    def draws(self, streams: Streams, source: Source, generation: int, n: int) -> Host:
        if self.edits == "overlapping":
            picks = streams.draw(generation, "corrector/edit", Uniform((n,)))
            return {"edit": picks < self.share}
        order = streams.draw(0, "corrector/order", Subset(n, n))
        first, last = (round(self.share * n * g) for g in (generation - 1, generation))
        return {"edit": (order >= first) & (order < last)}

    def correct(
        self, xp: Any, batch: Arrays, prepared: Prepared, draws: Arrays
    ) -> tuple[Batch, Array]:
        edit = draws["edit"]
        y = xp.where(edit, batch["y"], prepared.last["y"])
        return Batch({**batch, "y": y}), xp.mean(xp.astype(edit, xp.float64), axis=1)
