"""``recurse schema``: the JSON Schema of a scenario file."""

from __future__ import annotations

from recurse.cli import console
from recurse.cli.options import Output


def schema(output: Output = None) -> int:
    """Write the JSON Schema of specs, for editors."""
    from recurse.scenario import shipped

    console.write(shipped.schema_text(), output)
    return 0
