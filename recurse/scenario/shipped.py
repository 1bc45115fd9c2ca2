"""The specs that travel with recurse, and the files meant by a name where a spec is expected."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from recurse.bundled import folder
from recurse.reading.problems import Problem, Problems
from recurse.reading.yamlfile import parse

SUFFIXES = (".yaml", ".yml")
SCHEMA = "recurse.schema.json"


@dataclass(frozen=True)
class Shipped:
    """A spec that comes with recurse."""

    name: str
    path: Path
    title: str
    cite: str


@cache
def shipped() -> dict[str, Shipped]:
    """The shipped specs by name, sorted."""
    found = {}
    for path in files(folder()) if folder().is_dir() else ():
        data = parse(path.read_bytes(), path.name).data
        found[path.stem] = Shipped(path.stem, path, data.get("title", ""), data.get("cite", ""))
    return dict(sorted(found.items()))


def files(directory: Path) -> list[Path]:
    """The YAML files directly in a directory, sorted."""
    return sorted(p for p in directory.iterdir() if p.suffix in SUFFIXES and p.is_file())


def resolve(names: Sequence[str]) -> list[Path]:
    """The files that the names mean: files, directories of them, names of shipped specs.

    Raises:
        Problems: nothing is there, or a directory holds no YAML file.
    """
    found: list[Path] = []
    problems: list[Problem] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = files(path)
            found.extend(inside)
            if not inside:
                text = f"no {' or '.join(SUFFIXES)} file in this directory"
                problems.append(Problem("E001", text, file=name))
        elif path.exists() or name not in shipped():
            found.append(path)
            if not path.exists():
                problems.append(_absent(name))
        else:
            found.append(shipped()[name].path)
    if problems:
        raise Problems(problems)
    return list(dict.fromkeys(found))


def copy(name: str) -> tuple[str, dict[str, bytes]]:
    """The text of a shipped spec, and the files that it names by relative path.

    Raises:
        Problems: there is no such spec.
    """
    if name not in shipped():
        raise Problems([_absent(name)])
    path = shipped()[name].path
    text = path.read_text(encoding="utf-8")
    return text, dict(_companions(path.parent, parse(text).data))


def start(target: str, source: str | None = None) -> dict[Path, bytes]:
    """The files of a new spec: the spec itself first, what it names, the schema for editors.

    Raises:
        Problems: there is no shipped spec ``source``.
    """
    path = Path(target)
    if source is None:
        name = re.sub(r"[^A-Za-z0-9._-]", "-", path.stem)[:64] if target != "-" else "scenario"
        # A name that YAML would read as a number or as true is quoted.
        quoted = name if isinstance(parse(name).data, str) else json.dumps(name)
        written = {path: MINIMAL.format(name=quoted, file=target).encode()}
    else:
        text, companions = copy(source)
        written = {path: text.encode()}
        written |= {path.parent / name: content for name, content in companions.items()}
    return {**written, path.parent / SCHEMA: schema_text().encode()}


def schema_text() -> str:
    """The JSON Schema of a scenario file, as it is published."""
    from recurse.reading.shape import schema
    from recurse.scenario.scenario import Scenario

    return json.dumps(schema(Scenario), indent=2, ensure_ascii=False) + "\n"


def _companions(home: Path, data: Any) -> Iterator[tuple[str, bytes]]:
    """Every text in the data that is the name of a file below the folder."""
    if isinstance(data, str) and Path(data).suffix and "\n" not in data:
        target = home / data
        if not Path(data).is_absolute() and ".." not in Path(data).parts and target.is_file():
            yield data, target.read_bytes()
    elif isinstance(data, dict | list):
        for item in data.values() if isinstance(data, dict) else data:
            yield from _companions(home, item)


def _absent(name: str) -> Problem:
    near = difflib.get_close_matches(Path(name).stem, shipped(), n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'?" if near else "'recurse init --list' shows what ships"
    return Problem("E001", "no such file or shipped spec", hint=hint, file=name)


MINIMAL = """\
# yaml-language-server: $schema=./recurse.schema.json
# A model is fitted, samples from it train the next model, and so on. What happens to the error?
version: 1
name: {name}
title: Does it help to keep earlier data?       # one line, shown in lists and reports
source: {{kind: linear_regression, dim: 5, noise: 1.0}}   # where real data come from
model: {{kind: linear}}                          # the family refitted in every generation
samples: {{real: 100, synthetic: 100}}           # the first sample; what each model then produces
generations: 20                                # fits after the first one
seeds: 100                                     # independent repetitions
backend: numpy                                 # numpy, torch or jax
matrix:                                        # every combination is one arm
  policy: [replace, accumulate]                # what each generation is trained on
metrics: [excess_risk]                         # what is measured of each model
claims:                                        # checked when the run ends
  - {{kind: grows, metric: excess_risk, where: {{policy: replace}}}}
  - {{kind: plateaus, metric: excess_risk, where: {{policy: accumulate}}}}
# recurse kinds                 lists every source, model, policy, corrector, metric and claim
# recurse plan {file}  says what a run would do; recurse run {file} does it
"""
"""A spec to start from; ``{name}`` and ``{file}`` are filled in."""
