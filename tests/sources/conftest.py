"""One example of every source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurse.sources import Source
from recurse.sources.digits import Digits
from recurse.sources.linear_regression import LinearRegression
from recurse.sources.table import Table
from recurse.sources.words import Words
from tests.closed_arms import SKEW
from tests.discrete_arms import WORDS
from tests.families.test_shapes import SHAPES
from tests.glm_arms import CLASSES, NUMBERS
from tests.gmm_arms import PAIR
from tests.kernel_arms import WAVES
from tests.regression_arms import SLOPE
from tests.scalar_arms import LAWS
from tests.text_arms import BLOCKS, LETTERS


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """100 rows in which every number is different."""
    path = tmp_path / "rows.npy"
    np.save(path, np.arange(300, dtype=np.float64).reshape(100, 3))
    return path


@pytest.fixture
def sources(rows: Path) -> dict[str, Source]:
    return {
        "categorical": WORDS,
        **LAWS,
        **SHAPES,
        "logistic_regression": CLASSES,
        "mixture": PAIR,
        "poisson_regression": NUMBERS,
        "digits": Digits(),
        "gaussian": SKEW,
        "linear_regression": LinearRegression(dim=4),
        "markov": BLOCKS,
        "regression": SLOPE,
        "function": WAVES,
        "table": Table(path=str(rows)),
        "tokens": LETTERS,
        "words": Words(),
    }
