"""Neural families of points and of images share the field, its scale, and its classes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from recurse.families.neural import Nets, Neural, Part, Requests
from recurse.nets import Port
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Integers, Normal, Uniform
from recurse.sources import Source


class Vectors(Neural[Source]):
    """A family of points ``x`` or of images, with one net that is told a time."""

    quantities: ClassVar[tuple[str, ...]] = ("test_loss",)
    draws: ClassVar[dict[str, int]] = {"test_loss": 8}
    shift: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    """Taken from the data before training; 0.5 for pixels in [0, 1]."""
    scale: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """The divisor of the data after that, so that they spread by about 1; 0.5 for pixels."""
    labels: bool = False
    """True if the net is told the class of a sample, and samples come with one."""
    dropout: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The share of training samples whose class is withheld; guidance needs some."""

    def refusal(self, source: Any) -> str | None:
        if "y" in source.fields or not field(source.fields):
            return f"'{self.kind}' models points or images, source '{source.kind}' has neither"
        if self.labels and not source.classes:
            return f"source '{source.kind}' has no classes"
        if self.labels and not self.net.labelled:
            return f"net '{self.net.kind}' cannot be told a class"
        return super().refusal(source)

    def fields(self, source: Source) -> dict[str, tuple[int, ...]]:
        names = [field(source.fields), *(["label"] if self.labels else [])]
        return {name: source.fields[name] for name in names if name in source.fields}

    def parts(self, source: Source) -> dict[str, Part]:
        shape = source.fields[field(source.fields)]
        classes = source.classes if self.labels else 0
        return {"net": Part(self.net, Port(shape, shape, time=True, classes=classes))}

    def noise(self, source: Source) -> Requests:
        drop = {"drop": Uniform(())} if self.labels else {}
        return {"noise": Normal(source.fields[field(source.fields)]), **drop}

    def scoring(self, source: Source, quantity: str) -> Requests:
        return self.noise(source)

    def score(self, xp: Any, nets: Nets, quantity: str, batch: Arrays, noise: Arrays) -> Array:
        return self.loss(xp, nets, batch, noise)

    def opening(self, source: Source) -> Requests:
        """Random numbers that a sample begins with: noise, and a class, each as likely."""
        name, classes = field(source.fields), source.classes if self.labels else 1
        return {name: Normal(source.fields[name]), "label": Integers(classes, ())}

    def close(self, xp: Any, nets: Nets, state: Arrays, noise: Arrays) -> dict[str, Array]:
        name = field(state)
        label = {"label": state["label"]} if self.labels else {}
        return {name: self.shift + self.scale * state[name], **label}

    def data(self, batch: Arrays) -> Array:
        """The vectors of a batch, shifted and scaled."""
        return (batch[field(batch)] - self.shift) / self.scale

    def told(self, xp: Any, batch: Arrays, noise: Arrays) -> dict[str, Array]:
        """The classes that the net is told: 1, 2, ..., and 0 where the class is withheld."""
        if not self.labels:
            return {}
        given = batch["label"] + 1
        if "drop" in noise:
            given = xp.where(noise["drop"] < self.dropout, xp.zeros_like(given), given)
        return {"label": given}


def spread(xp: Any, weight: Array, like: Array) -> Array:
    """A number of every sample ``[..., rows]`` with the axes of the samples themselves."""
    return xp.reshape(weight, (*weight.shape, *(1,) * (like.ndim - weight.ndim)))


def squares(xp: Any, values: Array, rows: int) -> Array:
    """The mean square of every sample, whose own axes begin at ``rows``: ``[..., rows]``."""
    return xp.mean(values**2, axis=tuple(range(rows, values.ndim)))


def field(fields: Any) -> str:
    """The name of the field that holds vectors; empty if there is none."""
    return next((name for name in ("image", "x") if name in fields), "")
