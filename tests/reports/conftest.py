"""Stores that the reports are tested on, written once per session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recurse.store import Store, StoreWriter
from tests.reports.fixture import put_digits, put_hostile, put_regression


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Regression and digits."""
    root = tmp_path_factory.mktemp("reports") / "store"
    with StoreWriter(root) as writer:
        put_regression(writer)
        put_digits(writer)
    return root


@pytest.fixture(scope="session")
def store(folder: Path) -> Iterator[Store]:
    """The store with regression and digits, opened for reading."""
    with Store(folder) as opened:
        yield opened


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store whose every text tries to be more than text."""
    root = tmp_path_factory.mktemp("hostile") / "store"
    with StoreWriter(root) as writer:
        put_hostile(writer)
    with Store(root) as opened:
        yield opened
