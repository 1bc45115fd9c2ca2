"""The lists of the README, one line per file and per spec; run this file to write them anew."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "recurse",
    "backends/recurse_numpy",
    "backends/recurse_torch",
    "backends/recurse_jax",
    "reports/recurse_reports",
)
TREE = "<!-- tree: python tests/house.py -->\n```\n", "```\n<!-- end of tree -->\n"
SPECS = "<!-- specs: python tests/house.py -->\n", "<!-- end of specs -->\n"


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


def shelf() -> Iterator[str]:
    """The table of the shipped specs."""
    yield "| spec | paper | shows |"
    yield "|---|---|---|"
    for path in sorted((ROOT / "specs").glob("*.yaml")):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        yield f"| `{spec['name']}` | {spec['cite']} | {spec['title']} |"


def blocks() -> Iterator[tuple[tuple[str, str], str]]:
    """The markers of each list, and the list with its markers."""
    for marks, lines in ((SPECS, shelf()), (TREE, tree())):
        yield marks, marks[0] + "".join(f"{line.rstrip()}\n" for line in lines) + marks[1]


if __name__ == "__main__":
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    for (first, last), block in blocks():
        start, end = text.index(first), text.index(last) + len(last)
        text = text[:start] + block + text[end:]
    readme.write_text(text, encoding="utf-8")
