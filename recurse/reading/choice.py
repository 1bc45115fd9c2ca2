"""A field whose value is one of many models, told apart by its ``kind`` and looked up by it.

A union would have to know, and so import, every model before the first one is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticKnownError, core_schema, to_json

NODE = "choice"
"""The key of a schema's node under which the ``Choice`` of that place stands."""


@dataclass(frozen=True)
class Choice:
    """The mark of such a field: ``Annotated[Base, Choice(...)]``."""

    find: Callable[[str], type[BaseModel] | None]
    """The model of a kind, or None; imports no other."""
    every: Callable[[], Mapping[str, type[BaseModel]]]
    """All models by kind, sorted."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._made)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {NODE: self}

    def _made(self, value: Any, info: ValidationInfo) -> BaseModel:
        """The model of a mapping; equal mappings of one pass share it.

        Raises:
            ValidationError: what the model refuses.
            PydanticKnownError: the value is no mapping, or its kind is absent or unknown.
        """
        if isinstance(value, BaseModel):
            return value
        if not isinstance(value, dict):
            raise PydanticKnownError("model_attributes_type")
        if "kind" not in value:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": "'kind'"})
        kind = value["kind"]
        model = self.find(kind) if isinstance(kind, str) else None
        if model is None:
            facts = {"discriminator": "'kind'", "tag": str(kind), "expected_tags": ""}
            raise PydanticKnownError("union_tag_invalid", facts)
        text = to_json(value)  # through JSON: strict scalars, while lists still fill tuples
        made: dict[Any, BaseModel] = {} if info.context is None else info.context
        if (found := made.get((model, text))) is None:
            found = model.model_validate_json(text, strict=True, context=info.context)
            made[model, text] = found
        return found
