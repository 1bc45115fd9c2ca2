"""A plan in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recurse import load, plan
from recurse.cli import console, ending, failures
from recurse.engines.local import Failure
from recurse.planning.words import duration, in_words, ranges, row_text, size
from recurse.running.run import Result
from recurse.schedule import REAL, Pool, Row, Use
from recurse.store.records import ClaimRecord

CHAIN = Use(Pool("synthetic", 1), 10, length=4)
ONE, TWO, THREE, _ = CHAIN.each()


@pytest.mark.parametrize(
    ("uses", "text"),
    [
        ((Use(REAL, 5),), "5 real"),
        ((Use(REAL, 5), ONE), "5 real + 10 synthetic[1]"),
        ((Use(REAL, 5), CHAIN), "5 real + 10 of each synthetic[1..4]"),
        ((ONE, THREE), "10 synthetic[1] + 10 synthetic[3]"),
        ((Use(Pool("fresh", 1), 10), TWO), "10 fresh[1] + 10 synthetic[2]"),
        ((Use(REAL, 5, 0.5), CHAIN._replace(length=2)),
         "5 real (weight 0.5) + 10 of each synthetic[1..2]"),
        (tuple(Use(Pool("synthetic", g), g) for g in range(1, 9)),
         "1 synthetic[1] + 2 synthetic[2] + … 5 more + 8 synthetic[8]"),
        ((), "nothing"),
    ],
)  # fmt: skip
def test_rows(uses: tuple[Use, ...], text: str) -> None:
    assert row_text(Row(4, 10, 0, uses)) == text
    drawn = Row(4, 10, 0, uses, budget=3, replacement=True)
    assert row_text(drawn) == f"3 drawn with replacement from {text}"


def test_words_for_numbers() -> None:
    assert ranges([3, 0, 1, 2, 7]) == "0..3, 7"
    assert ranges(range(0, 20, 2)) == "0, 2, 4, 6, 8, …, 18"
    assert [duration(s) for s in (0.1, 5, 300, 7200)] == ["under a second", "5 s", "5 min", "2.0 h"]
    assert [size(n) for n in (512, 2**20, 3 * 2**30)] == ["0.5 KiB", "1 MiB", "3 GiB"]


def test_a_plan_says_how_and_why(spec: Path) -> None:
    text = in_words(plan(load(spec, ["backend=numpy"])), jobs=4)
    for words in (
        "tiny: A tiny scenario",
        "arm 1  policy=replace on numpy",
        "statistics: the law of the statistics of 'linear' is known",
        "generation 3 <- 20 real + 20 of each synthetic[1..3]",
        "bound: excess_risk, upper bound pi^2/6 (",
        "left out: dey_donoho: ",
        "6 new (seeds 0..5)",
        "2 arms, 12 cells: 12 new",
        "on 2 workers",
    ):
        assert words in text
    assert str(plan(spec)) == in_words(plan(spec))


def test_backends_share_a_paragraph_and_many_arms_a_list(spec: Path) -> None:
    both = plan(load(spec, ["matrix={policy: [replace], backend: [numpy, torch]}"]))
    assert "arms 1, 2  policy=replace on numpy and on torch" in in_words(both)
    sizes = ", ".join(str(size) for size in range(20, 32))
    axes = f"matrix={{samples.real: [{sizes}], policy: [fresh]}}"
    many = plan(load(spec, [axes, "samples.fresh=5", "source.design=fresh", "claims=[]"]))
    assert in_words(many).count("lowering") == 6
    assert "6 more arms" in in_words(many)
    assert in_words(many, everything=True).count("lowering") == 12
    assert in_words(many, chosen=[3]).count("lowering") == 1


@pytest.mark.parametrize(("bug", "code"), [(False, failures.FAILED), (True, failures.BUG)])
def test_failed_cells(
    spec: Path, capsys: pytest.CaptureFixture[str], bug: bool, code: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    console.begin(["run", "tiny.yaml"])
    made = plan(spec)
    lost = tuple((cell.id, 2, "the model of generation 2 is not finite") for cell in made.cells[:3])
    failure = Failure(made.blocks[1], "the worker was killed by signal 9", bug, "a trace")
    result = Result(made, (failure,), lost, (), ())
    ending.trouble(result, failures.command())
    said = capsys.readouterr().err
    assert "tiny: 3 cells failed: the model of generation 2 is not finite" in said
    assert "policy=accumulate on numpy: the worker was killed by signal 9" in said
    assert "to try the rest again: recurse run tiny.yaml --retry" in said
    assert "3 cells run, 9 failed" in ending.summary(result)
    assert ending.code([result], partial=False) == code


def test_claims_are_told_once_where_backends_agree() -> None:
    records = [
        ClaimRecord("1 grows", "grows", "policy=replace", True, "it grows", f"{backend}: ratio 2")
        for backend in ("torch", "jax")
    ]
    lines = ending.claims_lines(records, {"torch", "jax"})
    assert lines[-2:] == [
        "  1 grows: it grows",
        "    holds  policy=replace: on torch and jax: ratio 2",
    ]


def test_open_claims_fail_a_whole_run_only(spec: Path) -> None:

    def ended(holds: bool | None, partial: bool) -> int:
        claim = ClaimRecord("1 grows", "grows", "policy=replace", holds, "it grows", "as seen")
        return ending.code([Result(plan(spec), (), (), (claim,), ())], partial)

    outcomes: Any = {(h, p): ended(h, p) for h in (True, False, None) for p in (True, False)}
    assert [key for key, code in outcomes.items() if code == failures.FAILED] == [
        (False, True),
        (False, False),
        (None, False),
    ]


@pytest.mark.parametrize("name", ["claim", "claims"])
def test_kinds_of_a_role_by_its_name(call: Any, name: str) -> None:
    found = call("kinds", name)
    assert found.code == 0 and "claim bounded_by" in found.out and "metric" not in found.out[:9]
    assert "metric frechet" in call("kinds", "fid").out


def test_a_cell_by_scenario_arm_and_seed(call: Any, finished: Path) -> None:
    found = call("why", "tiny/policy=replace/0", "--store", finished)
    assert found.code == 0 and "seed 0, of tiny" in found.out


def test_a_folder_of_the_scenario_s_name_is_not_in_the_way(call: Any, finished: Path) -> None:
    Path("tiny").mkdir()
    assert "policy=replace" in call("show", "tiny", "--store", finished).out
