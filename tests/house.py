"""The tree of the README, one line per file; run this file to write it anew."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "recurse",
    "backends/recurse_numpy",
    "backends/recurse_torch",
    "backends/recurse_jax",
    "reports/recurse_reports",
)
OPEN, CLOSE = "<!-- tree: python tests/house.py -->\n```\n", "```\n<!-- end of tree -->\n"


def modules() -> list[Path]:
    """Every Python file of the five packages."""
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def summary(path: Path) -> str:
    """The first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0].rstrip(".") if text else ""


def tree() -> Iterator[str]:
    """The lines of the tree, folders before what is in them."""
    seen: set[Path] = set()
    for path in modules():
        folder = path.parent.relative_to(ROOT)
        if folder not in seen:
            seen.add(folder)
            init = path.parent / "__init__.py"
            yield f"{folder}/".ljust(36) + (summary(init) if init.exists() else "")
        if path.name != "__init__.py":
            yield f"  {path.name}".ljust(36) + summary(path)


def text() -> str:
    """The block between the markers."""
    return OPEN + "".join(f"{line.rstrip()}\n" for line in tree()) + CLOSE


if __name__ == "__main__":
    readme = ROOT / "README.md"
    old = readme.read_text(encoding="utf-8")
    start, end = old.index(OPEN), old.index(CLOSE) + len(CLOSE)
    readme.write_text(old[:start] + text() + old[end:], encoding="utf-8")
