"""The answer: its figures against figures worked out from the stored values by other means."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import recurse_reports
from recurse_reports.blocks import Figure
from recurse_reports.changes import shape
from recurse_reports.sections import answer, curves
from recurse_reports.subject import Subject, TheoryLine
from scipy.stats import t

from recurse.store import Store, StoreWriter
from recurse.store.records import TheoryCurve
from tests.reports.fixture import FIRST, put_arms, put_few, regression_values


def test_regression_answer(store: Store) -> None:
    """Growth, interval, theory and bound of both arms; digits as printed."""
    (text,) = recurse_reports.answer(store, "gerstgrasser-linear")
    spoken = re.findall(
        r"(\w+): excess risk grew ([\d.]+)× (?:over 100 generations )?"
        r"\(95% interval ([\d.]+) to ([\d.]+)\)",
        text,
    )
    assert [arm for arm, *_ in spoken] == ["replace", "accumulate"]
    for arm, *figures in spoken:
        expected = _growth(regression_values()[arm])
        for figure, value in zip(figures, expected, strict=True):
            places = len(figure.partition(".")[2])
            assert float(figure) == pytest.approx(round(value, places), abs=1e-9), (arm, figure)
    assert f"linear as theory says (expected {101 * FIRST:.1f}," in text
    assert f"below the bound {np.pi**2 / 6:.2f}×" in text
    assert "Higher is worse." in text
    assert "Torch and jax give the same numbers to 3e-14 (relative)." in text


def _growth(risks: np.ndarray) -> tuple[float, float, float]:
    """Ratio of means with the textbook variance of a ratio, written out term by term."""
    first, last = risks[0], risks[-1]
    n = len(first)
    relative = np.cov(first, last) / np.outer(
        [first.mean(), last.mean()], [first.mean(), last.mean()]
    )
    error = np.sqrt((relative[0, 0] + relative[1, 1] - 2 * relative[0, 1]) / n)
    mid, half = last.mean() / first.mean(), t.ppf(0.975, n - 1) * error
    return mid, mid * np.exp(-half), mid * np.exp(half)


def test_compared_arms_are_paired(store: Store) -> None:
    (text,) = recurse_reports.answer(store, "gerstgrasser-linear")
    values = regression_values()
    pair = np.stack([values["accumulate"][-1], values["replace"][-1]])
    mid, low, high = _growth(pair)
    wanted = f"is {mid:.0f} times that under accumulate (95% interval {low:.0f} to {high:.0f})"
    assert wanted in text


def test_log_likelihoods_change_by_differences(store: Store) -> None:
    """A ratio of ELBOs means nothing; the backends differ seed by seed but not in law."""
    elbo, spread = recurse_reports.answer(store, "digits-vae")
    assert re.match(r"replace: test ELBO fell by 1[12]\.\d nats over 6 generations", elbo)
    assert "nats lower under replace than under accumulate" in elbo
    assert "Lower is worse." in elbo
    assert "Figures are those of torch; jax agrees within the noise." in elbo
    assert re.match(r"replace: latent spread fell to 2\d\.\d% of its start", spread)


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ([1.0, 1.0], "did not change measurably over 1 generation"),
        ([0.0005, 0.00051], "fell 1,98"),
        ([np.inf, 3.0], "did not stay finite over 1 generation in 1 of 2 seeds"),
    ],
)
def test_other_directions(tmp_path: Path, last: list[float], words: str) -> None:
    text = _answer_of(tmp_path, np.array([[1.001, 0.999], last]))
    assert words in text


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    text = _answer_of(tmp_path, np.array([[1.0], [2.0]]))
    assert "grew 2.000× over 1 generation (one seed, no interval)" in text or (
        "grew 2.00× over 1 generation (one seed, no interval)" in text
    )


def test_a_figure_says_which_lines_are_not_drawn(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        put_few(writer, np.array([[1.0, 2.0], [3.0, np.inf], [np.inf, np.inf]]))
        put_few(writer, np.array([[1.0, 2.0], [3.0, 4.0]]), "whole")
    captions = []
    with Store(tmp_path) as store:
        for name in ("few", "whole"):
            found = curves.section(Subject(store, name))
            assert found is not None
            captions += [block.caption for block in found.blocks if isinstance(block, Figure)]
    lost = "Not drawn, since the mean is not finite there: replace from generation 1 on."
    assert lost in captions[0] and "Not drawn" not in captions[1]


def test_what_is_infinite_at_the_start_does_not_rise(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        put_few(writer, np.array([[np.inf, np.inf, 2.0], [3.0, 3.0, np.inf]]), "both")
        put_few(writer, np.array([[np.inf, 2.0], [3.0, 3.0]]))
    with Store(tmp_path) as store:
        (both,) = recurse_reports.answer(store, "both")
        assert "was not finite in 2 of 3 seeds at generation 0, and in 1 at generation 1" in both
        table = answer.numbers(Subject(store, "few"))
    assert table.rows[0][-3:] == ["infinite", "3.00", "-infinite"]


@pytest.mark.parametrize(
    ("last", "exact", "bound"),
    [
        (
            [1.73],
            "no standard error to compare with theory (expected 0.815, measured 1.73)",
            "bound 1.00, measured 1.73, no standard error",
        ),
        (
            [0.0] * 3,
            "all seeds alike, too even to compare with theory (expected 0.815, measured 0)",
            "below the bound",
        ),
        (
            [*[0.815 + 1e-15] * 9, 0.815 + 2e-15],
            "as theory says (expected 0.815",
            "below the bound",
        ),
        ([1.0, 1.0, 1.0 + 1e-15], "standard errors above theory (expected 0.815", "at the bound"),
        ([0.7, 0.8, 0.9], "as theory says (expected 0.815", "below the bound"),
        ([1.01, 1.02, 1.03], "standard errors above theory", "by less than the noise"),
    ],
)
def test_theory_is_compared_by_the_standard_error(
    tmp_path: Path, last: list[float], exact: str, bound: str
) -> None:
    """Without one nothing is judged; where it is zero, or rounding, rounding alone is allowed."""
    laws = [("exact", "law", np.full(2, 0.815)), ("bound", "upper bound", np.full(2, 1.0))]
    place = ("policy=replace", "replace", "excess_risk")
    with StoreWriter(tmp_path) as writer:
        put_few(writer, np.array([[1.0] * len(last), last]))
        writer.put_theory("few", [TheoryCurve(*place, *law, "") for law in laws])
    with Store(tmp_path) as store:
        (text,) = recurse_reports.answer(store, "few")
    assert exact in text
    assert bound in text


def test_nothing_beyond_generation_zero_is_no_answer(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        put_few(writer, np.ones((1, 3)))
    with Store(tmp_path) as store:
        assert recurse_reports.answer(store, "few") == ()


def _answer_of(folder: Path, risks: np.ndarray) -> str:
    with StoreWriter(folder) as writer:
        put_few(writer, risks)
    with Store(folder) as store:
        return " ".join(recurse_reports.answer(store, "few"))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (0.1 * np.arange(1.0, 30), "linear"),
        (0.9 ** np.arange(30.0), "geometric"),
        (np.full(30, 0.2), "flat"),
        (np.cumsum(1 / np.arange(1.0, 31) ** 2), ""),
    ],
)
def test_shape_of_theory(values: np.ndarray, name: str) -> None:
    line = TheoryLine("a", "exact", "", "", np.arange(len(values)), values)
    assert shape(line) == name


def test_numbers_leave_out_a_backend_only_where_it_repeats_another() -> None:
    measure = SimpleNamespace(kind="risk")
    places = [("replace", "torch"), ("replace", "jax"), ("closed", "jax")]
    every = [SimpleNamespace(measure=measure, arm=arm, backend=backend) for arm, backend in places]
    subject = SimpleNamespace(
        backends=["torch", "jax"],
        measures=[measure],
        agreement=lambda kind: SimpleNamespace(equal=True),
    )
    kept = answer._different(cast(Any, subject), cast(Any, every))
    assert [(one.arm, one.backend) for one in kept] == [("replace", "torch"), ("closed", "jax")]


def test_a_metric_that_never_changes_has_a_sentence_and_no_figure(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        put_few(writer, np.zeros((4, 5)))
    with Store(tmp_path) as store:
        (text,) = recurse_reports.answer(store, "few")
        found = curves.section(Subject(store, "few"))
    assert text == "replace: excess risk stayed at 0 over 3 generations. Higher is worse."
    assert found is not None
    (block,) = found.blocks
    assert getattr(block, "text", "") == "Excess risk: 0 in every model. No figure."


def test_arms_that_start_apart_are_ranked_by_what_they_lose(tmp_path: Path) -> None:
    """The second arm ends higher because it starts higher; the first one loses more."""
    rng = np.random.default_rng(5)
    noise = rng.uniform(0.95, 1.05, (2, 4, 30))
    grown = {
        "small": noise[0] * np.linspace(1, 8, 4)[:, None],
        "large": noise[1] * np.linspace(100, 200, 4)[:, None],
    }
    with StoreWriter(tmp_path) as writer:
        put_arms(writer, grown)
    with Store(tmp_path) as store:
        (text,) = recurse_reports.answer(store, "arms")
    assert re.findall(r"(\w+): excess risk grew", text) == ["small", "large"]
    assert text.endswith("Higher is worse. The arms start from different values.")
