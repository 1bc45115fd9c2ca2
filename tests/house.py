"""The lists in docs/, one line per file and per spec; run this file to write them anew."""

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


TOPICS = {
    "collapse": "Does it collapse, and how fast?",
    "prevents": "What prevents it?",
    "share": "How much synthetic data is safe?",
    "correctors": "What do curation, verification and correction do?",
    "language": "Language: words, contexts, text",
    "images": "Images",
}
"""Question -> heading, by ``meta: {topic: ...}`` of a shipped spec."""


def shelf() -> Iterator[str]:
    """Tables of the shipped specs, one for each question."""
    files = sorted((ROOT / "specs").glob("*.yaml"))
    specs = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    for topic, heading in TOPICS.items():
        yield from (f"## {heading}", "", "| spec | paper | shows |", "|---|---|---|")
        for spec in specs:
            if spec["meta"]["topic"] == topic:
                yield f"| `{spec['name']}` | {spec['cite']} | {spec['title']} |"
        yield ""


def lists() -> Iterator[tuple[Path, tuple[str, str], str]]:
    """The file of each list, its markers, and the list with its markers."""
    for name, marks, lines in (("specs", SPECS, shelf()), ("tree", TREE, tree())):
        text = "".join(f"{line.rstrip()}\n" for line in lines)
        yield ROOT / "docs" / f"{name}.md", marks, marks[0] + text + marks[1]


def imports() -> dict[str, set[str]]:
    """Module -> modules of the five packages that it imports; imports for types alone count."""
    names = {_dotted(path): path for path in modules()}
    return {name: set(_imported(path, names)) - {name} for name, path in names.items()}


def _dotted(path: Path) -> str:
    package = next(ROOT / p for p in PACKAGES if path.is_relative_to(ROOT / p))
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def _imported(path: Path, names: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{each.name}" for each in node.names}
            yield from (inside & names.keys()) or ({node.module} & names.keys())
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in names)


if __name__ == "__main__":
    for file, (first, last), block in lists():
        text = file.read_text(encoding="utf-8")
        start, end = text.index(first), text.index(last) + len(last)
        file.write_text(text[:start] + block + text[end:], encoding="utf-8")
