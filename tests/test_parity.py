"""One cell has the same numbers on every backend, alone or in a block, and for any horizon.

Blocks of three seeds, here as in the other tests of all arms: JAX compiles for each width anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from recurse.backend import backends
from recurse.families.gaussian import Gaussian
from recurse.lowering.decision import decide
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from tests.closed_arms import ARMS, normal
from tests.harness import change, simulate

OTHERS = [name for name in backends() if name != "numpy"]
LOWERED = [
    (name, exact)
    for name, arm in ARMS.items()
    for exact in ((True, False) if decide(arm).lowering == "statistics" else (False,))
]


@contextmanager
def promoting_nothing() -> Iterator[None]:
    """JAX refuses what it would otherwise do unseen."""
    import jax

    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        yield


def close(arm: Arm, other: Arm, exact: bool, tolerance: float) -> None:
    """Both arms give the same numbers for three seeds."""
    ours, theirs = simulate(arm, (3, 0, 7), exact), simulate(other, (3, 0, 7), exact)
    assert ours.metrics == theirs.metrics and ours.whole.all() and theirs.whole.all()
    for metric in ours.metrics:
        np.testing.assert_allclose(
            theirs[metric], ours[metric], rtol=tolerance, atol=1e-13, err_msg=metric
        )


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize(("name", "exact"), LOWERED)
def test_backends_agree(name: str, exact: bool, backend: str) -> None:
    """Relative 1e-9 over 10 generations; in JAX no array gains a dimension or changes its type."""
    arm = change(ARMS[name], generations=min(ARMS[name].generations, 10))
    with promoting_nothing():
        close(arm, change(arm, backend=backend), exact, 1e-9)


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("exact", [True, False])
def test_fewer_samples_than_dimensions(backend: str, exact: bool) -> None:
    """A singular covariance has no unique factor: rounding enters as its square root, 1e-8."""
    arm = normal(Replace(), samples=Samples(real=3, synthetic=3), generations=10)
    close(arm, change(arm, backend=backend), exact, 1e-5)


def settings() -> Iterator[tuple[str, bool, str]]:
    """All arms on NumPy; one for each family and lowering where another width is compiled anew."""
    seen: set[tuple[str, str, bool]] = set()
    for backend in backends():
        for name, exact in LOWERED:
            key = (backend, ARMS[name].model.kind, exact)
            if backend not in OTHERS or key not in seen:
                seen.add(key)
                yield name, exact, backend


@pytest.mark.parametrize(("name", "exact", "backend"), list(settings()))
def test_a_seed_alone_or_in_a_block(name: str, exact: bool, backend: str) -> None:
    """Relative 1e-12 over 5 generations, whatever the other seeds and their order."""
    arm = change(ARMS[name], backend=backend, generations=5)
    block = simulate(arm, (9, 4, 6), exact)
    alone = simulate(arm, (6,), exact)
    for metric in alone.metrics:
        np.testing.assert_allclose(
            alone[metric][:, 0], block[metric][:, 2], rtol=1e-12, atol=1e-14, err_msg=metric
        )


@pytest.mark.parametrize(("name", "exact"), LOWERED)
def test_a_longer_run_extends_a_shorter_one(name: str, exact: bool) -> None:
    """The same bits in the generations that both have."""
    arm = ARMS[name]
    long = simulate(arm, 2, exact)
    for last in sorted({0, 1, 2, arm.generations - 1}):
        short = simulate(change(arm, generations=last), 2, exact)
        assert decide(change(arm, generations=last)) == decide(arm)
        for metric in short.metrics:
            assert np.array_equal(short[metric], long[metric][: last + 1], equal_nan=True)


def test_seeds_differ() -> None:
    """The comparisons above would also hold if nothing were random."""
    found = simulate(normal(Replace(), model=Gaussian()), 50)["mean_error"]
    assert np.unique(found).size == found.size
