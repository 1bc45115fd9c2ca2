"""The place of the files that travel with recurse: the specs and the files that specs name."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """The folder of the shipped specs: inside the wheel, or beside the package in a checkout."""
    here = Path(__file__).parent
    inside = here / "specs"
    return inside if inside.is_dir() else here.parent / "specs"
