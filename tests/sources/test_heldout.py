"""No held-out row is a training row: for every source and metric, and refused where it happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurse.families.training import Training
from recurse.families.vae import Vae
from recurse.lowering.heldout import refuse_training_data
from recurse.lowering.measure import Meter
from recurse.metrics import Metric
from recurse.metrics.elbo import Elbo
from recurse.metrics.test_nll import HeldoutNll
from recurse.numerics.arrays import Fields, Host
from recurse.numerics.streams import Draw, Given, Streams
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources import Discrete, Source
from recurse.sources.digits import Digits
from recurse.sources.gaussian import GaussianSource
from recurse.sources.moons import Moons
from recurse.sources.poisson import PoissonSource
from recurse.sources.table import Table
from recurse.sources.tokens import Tokens
from recurse.spec import BrokenKind, kinds
from tests.discrete_arms import WORDS, frequencies
from tests.harness import change, runtime, simulate
from tests.kde_arms import kernels
from tests.scalar_arms import LAWS

SEEDS = (3, 1, 8)
COUNTED = {"poisson", "bernoulli"}
"""Sources of counts: equal rows are natural there, as among symbols."""
METRICS = {k: kind for k, kind in kinds("metric").items() if issubclass(kind, Metric)}
HELD_OUT = sorted(kind for kind, metric in METRICS.items() if "heldout" in metric.needs)


class Named(Streams):
    """Streams that write down what was asked of them."""

    def __init__(self, seeds: Sequence[int]) -> None:
        super().__init__(seeds)
        self.asked: set[tuple[int, str]] = set()

    def draw(self, generation: int, purpose: str, request: Draw) -> Any:
        self.asked.add((generation, purpose))
        return super().draw(generation, purpose, request)

    def given(self, generation: int, purpose: str, draws: Mapping[str, Given]) -> Any:
        self.asked |= {(generation, f"{purpose}/{name}") for name in draws}
        return super().given(generation, purpose, draws)


def arm(source: Source, metric: Metric) -> Arm:
    """An arm as far as held-out data go; most of them no plan would allow."""
    return change(kernels(Replace()), source=source, metrics=(metric,))


def held_out(source: Source, metric: Metric, streams: Streams) -> Host:
    return Meter(arm(source, metric), streams, runtime("numpy")).heldout


def rows(batch: Host) -> set[bytes]:
    """All rows of all replicates, all their fields."""
    width = {name: v.shape[-1:] for name, v in batch.items()}
    parts = []
    for name, values in sorted(batch.items()):
        flat = values.reshape(-1, *width[name]) if name not in ("y", "label") else values.ravel()
        parts.append(np.asarray(flat, np.float64).reshape(len(flat), -1))
    return {row.tobytes() for row in np.concatenate(parts, axis=1)}


def training(source: Source, streams: Streams, size: int) -> list[Fields]:
    """The real sample, fresh samples and what a corrector draws, of the size and of others."""
    found = []
    for n in (size, 11, 37):
        wanted = n if (most := source.available()) is None else min(n, most // 4)
        found += [source.draw(streams, 0, "real", wanted)]
        found += [source.draw(streams, g, "fresh", wanted) for g in (1, 2)]
        found += [source.draw(streams, 1, "corrector", wanted)]
    return found


def test_the_metrics_with_held_out_data_are_known() -> None:
    """The list is what the next tests are about; a metric that lacks the mark is not in it."""
    assert HELD_OUT == [
        "elbo",
        "frechet",
        "latent_spread",
        "test_loss",
        "test_nll",
        "total_variation",
    ]


@pytest.mark.parametrize("metric", HELD_OUT)
@pytest.mark.parametrize("kind", sorted(kinds("source")))
def test_no_held_out_row_is_a_training_row(
    kind: str, metric: str, sources: dict[str, Source]
) -> None:
    """Of any replicate, at equal sizes too; where rows repeat by nature no draws are the same."""
    source, streams = sources[kind], Streams(SEEDS)
    heldout = held_out(source, METRICS[metric].model_validate({}), streams)
    (size, *_) = (v.shape[0 if source.heldout() else 1] for v in heldout.values())
    pools = training(source, streams, size)
    if isinstance(source, Discrete) or kind in COUNTED:
        (field, *_) = source.fields
        assert not any(np.array_equal(heldout[field], pool[field]) for pool in pools)
    else:
        assert not rows(heldout) & set().union(*map(rows, pools))
    for pool in pools:
        refuse_training_data(source, heldout, pool)


@pytest.mark.parametrize("kind", sorted(kinds("source")))
def test_held_out_data_have_streams_of_their_own(kind: str, sources: dict[str, Source]) -> None:
    """Beside those of the truth, which every draw of a source may share."""
    source = sources[kind]
    truth, heldout, real = Named(SEEDS), Named(SEEDS), Named(SEEDS)
    source.truth(truth)
    held_out(source, HeldoutNll(heldout=50), heldout)
    for generation, purpose in ((0, "real"), (1, "fresh"), (1, "corrector")):
        source.draw(real, generation, purpose, 50)
    assert real.asked - truth.asked and bool(heldout.asked) == (not source.heldout())
    assert not (heldout.asked & real.asked) - truth.asked


def test_no_block_of_a_text_is_on_both_sides(tmp_path: Path) -> None:
    """A text in which every token differs, so that blocks can be told apart."""
    path = tmp_path / "t.txt"
    path.write_text(" ".join(f"w{i}" for i in range(400)))
    source, streams = Tokens(path=str(path), level="spaces", length=8), Streams(SEEDS)
    heldout = held_out(source, HeldoutNll(), streams)
    most = source.available()
    assert most is not None and len(heldout["tokens"]) + most == 50
    assert not rows(heldout) & rows(source.draw(streams, 0, "real", most))


@pytest.mark.parametrize("kind", sorted(kinds("source")))
def test_training_data_are_refused(kind: str, sources: dict[str, Source]) -> None:
    """The real sample itself as held-out data, whole or in part, for one replicate or for all."""
    source, streams = sources[kind], Streams(SEEDS)
    n = 200 if source.available() is None else min(200, source.available() or 0)
    real = source.draw(streams, 0, "real", n)
    for take in (n, n // 2):
        with pytest.raises(BrokenKind, match=f"'{kind}' hands out held-out data that are rows"):
            refuse_training_data(source, {k: v[:, :take] for k, v in real.items()}, real)
    other = source.draw(Streams((5, 6, 7)), 0, "real", n)
    if not isinstance(source, Discrete) and kind not in COUNTED:
        mixed = {k: np.concatenate([other[k][:2], real[k][2:]]) for k in real}
        with pytest.raises(BrokenKind):
            refuse_training_data(source, mixed, real)
        with pytest.raises(BrokenKind):
            refuse_training_data(source, {k: v[1, ::-1] for k, v in real.items()}, real)


def test_rows_that_repeat_by_nature_are_not_refused(tmp_path: Path) -> None:
    """Rare events, two symbols, a table of few values: equal rows are no proof there."""
    streams = Streams(range(4))
    for source in (PoissonSource(rate=0.001), LAWS["bernoulli"], WORDS):
        pools = [source.draw(streams, 0, purpose, 3) for purpose in ("heldout", "real")]
        refuse_training_data(source, *pools)
    path = tmp_path / "few.npy"
    np.save(path, np.arange(100.0)[:, None] % 3)
    table = Table(path=str(path))
    refuse_training_data(table, table.heldout(), table.draw(streams, 0, "real", 80))


def test_a_source_without_noise_has_no_held_out_points_of_the_same_number() -> None:
    """Moons without noise are the same points each time; of another number most are others."""
    source, streams = Moons(noise=0.0), Streams(SEEDS)
    real, same, more = (
        source.draw(streams, 0, p, n) for p, n in (("real", 50), ("heldout", 50), ("heldout", 81))
    )
    refuse_training_data(source, more, real)
    with pytest.raises(BrokenKind):
        refuse_training_data(source, same, real)


LEAKS: dict[str, tuple[type[Source], Arm]] = {
    "a density": (
        GaussianSource,
        change(
            kernels(Mix()),
            source=GaussianSource(dim=1),
            metrics=(HeldoutNll(heldout=20),),
            samples=Samples(real=20, synthetic=20),
        ),
    ),
    "symbols": (
        type(WORDS),
        change(
            frequencies(Replace()),
            metrics=(HeldoutNll(heldout=60),),
            samples=Samples(real=60, synthetic=60),
        ),
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_run_on_leaked_data_stops(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held-out data drawn for the purpose "real", which are the training data then."""
    kind, leaky = LEAKS[name]
    assert simulate(leaky, 3, exact=False).whole.all()
    draw = kind.draw

    def leaking(self: Source, streams: Streams, generation: int, purpose: str, n: int) -> Any:
        return draw(self, streams, generation, purpose.replace("heldout", "real"), n)

    monkeypatch.setattr(kind, "draw", leaking)
    with pytest.raises(BrokenKind, match="held-out data"):
        simulate(leaky, 3, exact=False)


def test_a_network_on_leaked_data_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    training_images = Digits().draw(Streams((0,)), 0, "real", 100)
    leaked = {name: values[0] for name, values in training_images.items()}
    monkeypatch.setattr(Digits, "heldout", lambda self: leaked)
    leaky = Arm(
        source=Digits(),
        model=Vae(latent=2, train=Training(epochs=1)),
        policy=Replace(),
        samples=Samples(real=200, synthetic=20),
        metrics=(Elbo(),),
        generations=1,
        backend="torch",
    )
    with pytest.raises(BrokenKind, match="'digits' hands out held-out data"):
        simulate(leaky, 1)
