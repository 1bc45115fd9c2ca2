"""Numbers in words."""

from __future__ import annotations

import math

import pytest
from recurse_reports import words


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0"),
        (98.21, 2, "98"),
        (0.99996, 3, "1.00"),
        (1234.5, 2, "1,200"),
        (306366.5, 2, "310,000"),
        (12345678.0, 3, "1.23e7"),
        (3.04e-14, 1, "3e-14"),
        (-32.3344, 3, "-32.3"),
        (0.00012, 2, "0.00012"),
        (math.nan, 3, "–"),
        (math.inf, 3, "infinite"),
    ],
)
def test_number(value: float, digits: int, text: str) -> None:
    assert words.number(value, digits) == text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((98.2, 95.1, 101.4), ("98", "95", "101")),
        ((1.5832, 1.5671, 1.5998), ("1.583", "1.567", "1.600")),
        ((0.2534, 0.2391, 0.2672), ("0.253", "0.239", "0.267")),
        ((12.0, 12.0, 12.0), ("12.000", "12.000", "12.000")),
        ((-1e-9, -0.3, 0.3), ("0.0", "-0.3", "0.3")),
    ],
)
def test_interval_digits(values: tuple[float, float, float], texts: tuple[str, str, str]) -> None:
    """The half interval decides: two digits where it starts with 1 or 2, one otherwise."""
    assert words.three(*values) == texts


def test_spread_and_counts() -> None:
    assert words.spread(10.2344, 0.71) == "10.2 ± 0.7"
    assert words.spread(0.17123, 0.0119) == "0.171 ± 0.012"
    assert words.spread(0.17123, math.nan) == "0.171"
    assert words.count(1, "seed") == "1 seed"
    assert words.count(1200, "seed") == "1,200 seeds"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.seconds(200.4) == "3 min 20 s"


@pytest.mark.parametrize("text", ["../x", "a/b\\c", "<b>", "..", "", "x" * 3])
def test_slug_is_a_plain_file_name(text: str) -> None:
    found = words.slug(text)
    assert found
    assert not set(found) & set("/\\<> ")
    assert not found.startswith(".")
