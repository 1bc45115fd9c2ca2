"""``matches_curve``: tolerance, errors of both studies, the CSV file and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import norm, t

from recurse.claims import Prospect
from recurse.claims.matches_curve import MatchesCurve, Rows
from recurse.claims.published import curve, locate
from tests.claims.simulate import RUNS, has_rate, normal, one, series

HEAD = "experiment,policy,model,n_per_iter,iteration,metric,value\n"
SHIPPED = "reference/kazdan-collapse-or-thrive.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Published: 1, 2, 4 at iterations 1, 2, 4, in a file with other rows."""
    rows = [
        "a,replace,,100,4,m,4.0",
        "a,replace,,100,1,m,1.0",
        "a,replace,,100,2,m,2.0",
        "a,replace,,1000,1,m,9.0",
        "a,accumulate-subsample,,100,1,m,7.0",
        "a,replace,,100,1,other,8.0",
    ]
    (tmp_path / "curve.csv").write_text("# source\n" + HEAD + "\n".join(rows) + "\n")
    return tmp_path


def claim(**given: object) -> MatchesCurve:
    fields = {"metric": "m", "file": "curve.csv", "select": Rows(n_per_iter=100)}
    return MatchesCurve.model_validate({**fields, **given})


def test_iterations_of_papers_are_generations_plus_one(folder: Path) -> None:
    values = np.array([1.0, 2.0, 99.0, 4.0])[:, None] + np.zeros(5)
    (found,) = claim(rtol=1e-6).judge([series(values)], folder)
    assert found.holds is True
    assert "3 generations" in found.evidence
    (shifted,) = claim(rtol=0.3).judge([series(values[1:])], folder)
    assert shifted.holds is False


def test_the_relative_tolerance_has_an_edge(folder: Path) -> None:
    values = np.array([1.0, 2.0, 0.0, 4.4])[:, None] + np.array([-0.1, -0.1, 0.0, 0.1, 0.1])
    assert claim(rtol=0.101).judge([series(values)], folder)[0].holds is True
    (found,) = claim(rtol=0.099).judge([series(values)], folder)
    assert found.holds is False
    assert found.evidence == (
        "nearest to its tolerance or furthest beyond at generation 3: mean 4.4, standard error "
        "0.045, published 4, off by 0.4 of 0.4 allowed (5 seeds, 3 generations, tolerance 0.099 "
        "of it)"
    )
    first = claim(rtol=0.099, generations=(0, 1))
    assert first.judge([series(values)], folder)[0].holds is True


def test_within_se_has_the_rate_of_the_t_test(folder: Path) -> None:
    one_place = claim(within_se=2.0, generations=(1,))
    draw = normal((2, 8), 2.0)
    held = sum(
        one_place.judge([series(draw(np.random.Generator(np.random.Philox(key=run))))], folder)[
            0
        ].holds
        is True
        for run in range(RUNS)
    )
    has_rate(held, 1 - 2 * t.sf(2.0, 7))


def test_the_error_of_the_published_mean_counts(tmp_path: Path) -> None:
    aware = MatchesCurve(metric="m", file="drawn.csv", within_se=2.0, reference_seeds=10)
    unaware = aware.model_copy(update={"reference_seeds": None})
    held = np.zeros(2, int)
    for run in range(RUNS):
        rng = np.random.Generator(np.random.Philox(key=run))
        published, values = rng.standard_normal(10).mean(), rng.standard_normal((1, 200))
        file = tmp_path / f"{run}.csv"
        file.write_text(f"{HEAD}a,replace,,100,1,m,{published}\n")
        for place, judged in enumerate((aware, unaware)):
            named = judged.model_copy(update={"file": file.name})
            held[place] += named.judge([series(values)], tmp_path)[0].holds is True
    # With 200 seeds of our own t is nearly normal; both studies have unit spread.
    has_rate(int(held[0]), 1 - 2 * norm.sf(2.0))
    has_rate(int(held[1]), 1 - 2 * norm.sf(2.0 / np.sqrt(1 + 200 / 10)))


def test_a_median_is_compared_with_a_median(folder: Path) -> None:
    tail = np.array([0.9, 1.0, 1.0, 1.1, 900.0])
    values = np.stack([tail, tail + 1.0])
    both = {"rtol": 0.05, "generations": (0, 1)}
    assert claim(**both).judge([series(values)], folder)[0].holds is False
    assert claim(statistic="median", **both).judge([series(values)], folder)[0].holds is True
    # The 68 % interval of the median of 400 is about 2 * 1.2533 / 20 wide.
    wide = normal((1, 400), 1.0)(np.random.default_rng(0))
    (found,) = claim(statistic="median", within_se=4.0).judge([series(wide)], folder)
    width = float(found.evidence.split("standard error ")[1].split(",")[0])
    assert abs(width - 1.2533 / 20) < 0.02


def test_what_cannot_be_judged(folder: Path) -> None:
    given = series(np.ones((1, 6)))
    for wrong, words in (
        (claim(rtol=0.1, file="gone.csv"), "there is no file 'gone.csv'"),
        (claim(rtol=0.1, generations=(2,)), "nothing is published for generation 2"),
        (claim(rtol=0.1, select=Rows()), "several rows for iteration 1"),
        (claim(rtol=0.1, select=Rows(n_per_iter=5)), "no row has"),
    ):
        (found,) = wrong.judge([given], folder)
        assert found.holds is None
        assert words in found.evidence
    assert one(claim(rtol=0.1)).holds is None
    assert claim(rtol=0.1).judge([series(np.ones((1, 2)))], folder)[0].holds is None
    bad = np.full((1, 6), np.nan)
    assert claim(rtol=0.1).judge([series(bad)], folder)[0].holds is False


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "no column 'experiment'"),
        ('a,b\n1,"' + "2,3\n" * 40_000, "field larger than field limit"),
        (HEAD + "a,replace,,100,0,m,1\n", "iteration 0"),
        (HEAD + "a,replace,,100,1.5,m,1\n", "iteration 1.5"),
        (HEAD + "a,replace,,100,1,m,x\n", "'x' is not a number"),
        (HEAD + "a,replace,,100,1,m,nan\n", "'nan' is not a number"),
        (HEAD + "a,replace,,100,1,m\n", "too few or too many"),
        (HEAD, "no row has"),
    ],
)
def test_broken_files_are_told_at_plan_time(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "curve.csv").write_text(text)
    arms = [{"policy": {"kind": "replace"}}]
    ((path, message),) = claim(rtol=0.1).problems(Prospect(5, {}, tmp_path, arms=arms))
    assert path == "select"
    assert words in message


def test_problems_name_policy_and_generation(folder: Path) -> None:
    arms = [{"policy": {"kind": "accumulate_subsample"}}, {"policy": {"kind": "replace"}}]
    assert claim(rtol=0.1).problems(Prospect(3, {}, folder, seeds=5, arms=arms)) == []
    found = claim(rtol=0.1, generations=(1, 9)).problems(
        Prospect(3, {}, folder, seeds=4, arms=arms)
    )
    assert [path for path, _ in found] == ["kind", "generations", "generations", "generations"]
    assert found[2][1] == "nothing is published for generation 1 of accumulate_subsample"
    assert claim(rtol=0.1, file="no.csv").problems(Prospect(3, {}, folder)) == [
        ("file", "there is no file 'no.csv'")
    ]


def test_an_edited_file_is_read_again(folder: Path) -> None:
    path = folder / "curve.csv"
    assert curve(path, {"metric": "other"}) == {0: 8.0}
    path.write_text(path.read_text().replace("8.0", "8.25"))
    assert curve(path, {"metric": "other"}) == {0: 8.25}


def test_the_shipped_curves_agree_with_the_laws_of_their_means() -> None:
    path = locate(SHIPPED, None)
    assert path is not None
    select = {"experiment": "gaussian_d10", "metric": "trace_ratio", "n_per_iter": 10}
    measured = curve(path, {**select, "policy": "accumulate"})
    assert list(measured) == [0, 1, 2, 4, 9, 19, 49, 99]
    product = np.cumprod(1 - 1 / (10 * np.arange(1.0, 101) ** 2))
    assert all(abs(value / product[g] - 1) < 0.02 for g, value in measured.items())
    subsample = curve(path, {**select, "policy": "accumulate_subsample"})
    assert abs(subsample[99] / 0.741 - 1) < 0.03


def test_fields_and_statement() -> None:
    with pytest.raises(ValidationError, match="rtol"):
        MatchesCurve(metric="m", file="curve.csv")
    with pytest.raises(ValidationError, match="experimnt"):
        claim(rtol=0.1, select={"experimnt": "a"})
    assert claim(rtol=0.1, within_se=3.0, generations=(0, 9)).statement() == (
        "the mean of m follows the published curve (curve.csv) within 0.1 of it plus 3 standard "
        "errors at generations 0, 9"
    )
