"""``recurse explain``: the meaning of a problem's code, with an example and the way out."""

from __future__ import annotations

import difflib
import json
from typing import Annotated

import typer

from recurse.cli import console
from recurse.cli.options import TextOrJson
from recurse.reading.codes import CODES, Rule


def explain(
    code: Annotated[
        str,
        typer.Argument(metavar="[CODE]", help="Such as E204; all by default.", show_default=False),
    ] = "",
    format: TextOrJson = "text",
) -> int:
    """Explain the code of a problem, with an example."""
    from recurse.reading.problems import RecurseError

    wanted = code.upper().strip("[]")
    if wanted and wanted not in CODES:
        near = ", ".join(difflib.get_close_matches(wanted, CODES, n=3))
        hint = f"did you mean {near}?" if near else "'recurse explain' lists them"
        raise RecurseError(f"there is no code '{code}'", hint=hint)
    chosen = {wanted: CODES[wanted]} if wanted else CODES
    if format == "json":
        data = [{"code": name, **rule._asdict()} for name, rule in chosen.items()]
        console.data(json.dumps(data[0] if wanted else data, indent=2))
    elif wanted:
        console.data(_text(wanted, CODES[wanted]))
    else:
        rows = [(name, rule.rule) for name, rule in chosen.items()]
        console.data(console.columns(("code", "rule"), rows))
    return 0


def _text(code: str, rule: Rule) -> str:
    lines = [console.paint(code, "bold") + f": {rule.rule}", f"  {rule.mend}"]
    for title, example in (("not", rule.wrong), ("but", rule.right)):
        for place, line in enumerate(example.splitlines()):
            lines.append(f"  {title if place == 0 else '':<5}{line}")
    return "\n".join(lines)
