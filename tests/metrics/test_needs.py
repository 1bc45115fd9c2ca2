"""The declaration of a metric: its needs are fields of its class, or there is no class."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pytest

from recurse.metrics import HeldOut, Metric, Needs, Sampled, held_out, sampled
from recurse.metrics.diversity import Diversity
from recurse.metrics.elbo import Elbo
from recurse.metrics.frechet import Frechet
from recurse.metrics.mean_error import MeanError
from recurse.spec import kinds


def test_every_metric_says_how_much_it_needs() -> None:
    for kind in kinds("metric").values():
        assert issubclass(kind, Metric)
        assert issubclass(kind, Sampled) == ("samples" in kind.needs) == ("samples" in fields(kind))
        assert issubclass(kind, HeldOut) == ("heldout" in kind.needs) == ("heldout" in fields(kind))


def fields(kind: type[Metric]) -> Any:
    return kind.model_fields


def test_a_metric_that_does_not_say_how_much_is_no_class() -> None:
    with pytest.raises(TypeError, match="'samples' among its needs is a Sampled, and no other"):

        class _Silent(Metric):
            kind: Literal["silent"] = "silent"
            needs: ClassVar[Needs] = ("samples",)

    with pytest.raises(TypeError, match="'heldout' among its needs is a HeldOut, and no other"):

        class _Idle(HeldOut):
            kind: Literal["idle"] = "idle"
            needs: ClassVar[Needs] = ("truth",)


def test_the_most_that_any_metric_needs_is_drawn() -> None:
    metrics = (MeanError(), Diversity(samples=30), Frechet(samples=70, heldout=60), Elbo())
    assert (sampled(metrics), held_out(metrics)) == (70, 1000)
    assert (sampled(metrics[:2]), held_out(metrics[:2])) == (30, 0)
    assert (sampled(()), held_out(())) == (0, 0)
