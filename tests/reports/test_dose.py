"""An axis of numbers is answered as a dose: the direction, the ends, the best place between."""

from __future__ import annotations

from pathlib import Path

import pytest
import recurse_reports
from recurse_reports.dose import _spoken

from recurse.store import Store, StoreWriter
from tests.reports.fixture import put_doses


def answered(
    tmp_path: Path, ends: list[float], names: list[str] | None = None, same: bool = True
) -> str:
    """The answer to arms that end at these risks, with the dose 10, 20, ..."""
    names = names or [str(10 * (place + 1)) for place in range(len(ends))]
    with StoreWriter(tmp_path) as writer:
        put_doses(writer, dict(zip(names, ends, strict=True)), same)
    with Store(tmp_path) as store:
        (found,) = recurse_reports.answer(store, "doses")
    return found


@pytest.mark.parametrize(
    ("ends", "moves"),
    [
        ([1.0, 2.0, 3.0, 4.0], "rises"),
        ([4.0, 3.0, 2.0, 1.0], "falls"),
        ([2.0, 2.0, 2.0, 2.0], "does not change beyond the noise"),
    ],
)
def test_the_outcome_moves_with_the_dose(tmp_path: Path, ends: list[float], moves: str) -> None:
    found = answered(tmp_path, ends)
    assert found.startswith(f"As x.y goes from 10 to 40, excess risk at generation 4 {moves}: ")
    assert f"{ends[0]:.0f}" in found and " at 30 and " in found and "best" not in found


def test_the_best_dose_between_the_ends_is_named(tmp_path: Path) -> None:
    assert "; it is best at 30." in answered(tmp_path, [4.0, 3.0, 1.5, 3.0, 4.0])


def test_an_axis_of_names_is_no_dose(tmp_path: Path) -> None:
    assert "goes from" not in answered(tmp_path, [1.0, 2.0, 3.0], ["a", "b", "c"])


def test_what_all_doses_start_from_is_said(tmp_path: Path) -> None:
    """Else the best dose looks harmless, though no synthetic data at all would be better."""
    said = "The first model, of real data alone, is at 1.000 ± 0.007 whatever the dose."
    assert answered(tmp_path / "same", [2.0, 3.0, 4.0]).endswith(said)
    assert "first model" not in answered(tmp_path / "own", [2.0, 3.0, 4.0], same=False)


def test_an_axis_is_named_in_words_where_its_path_says_no_more() -> None:
    assert _spoken("samples.synthetic") == "the number of synthetic samples"
    assert _spoken("metrics.1.ridge") == "ridge"
    assert _spoken("corrector.gamma") == "corrector.gamma"
