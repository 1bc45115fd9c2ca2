"""The docstrings of fields: the texts below them in the source, read only when asked for.

Pydantic can read them when a class is made; for all kinds together that takes as long as the rest
of an import.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel


@cache
def docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Alias (or name) of each documented field -> its text, those of base classes included."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found.update(_own(base))
    fields = model.model_fields
    return {fields[name].alias or name: text for name, text in found.items() if name in fields}


def _own(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    if "[" in model.__name__:
        return  # a generic base with its parameter filled in has no source of its own
    source = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(source, ast.ClassDef)
    for field, text in zip(source.body, source.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            yield field.target.id, inspect.cleandoc(str(text.value.value))


def models(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """A model and all that its fields can hold, by the names of a schema's definitions."""
    found: dict[str, type[BaseModel]] = {}
    waiting: list[Any] = [model]
    while waiting:
        kind = waiting.pop()
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            waiting.extend(get_args(kind))
        elif kind.__name__ not in found:
            found[kind.__name__] = kind
            waiting.extend(field.annotation for field in kind.model_fields.values())
    return found
