"""The part of JSON schema that an HTTP tool's arguments may use, as a pydantic model.

A small subset, each keyword checked when a manager saves it: what is not understood here would
otherwise be promised to the model and never held.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError

MAX_PROPERTIES = 20
MAX_TEXT = 2_000
NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,49}")
COMMON = {"type", "description", "enum", "title", "examples", "default"}
KEYWORDS: dict[str, dict[str, str]] = {
    "string": {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"},
    "integer": {"minimum": "ge", "maximum": "le"},
    "number": {"minimum": "ge", "maximum": "le"},
    "boolean": {},
    "array": {"minItems": "min_length", "maxItems": "max_length", "items": ""},
}
PYTHON: dict[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool}
Schema = Mapping[str, Any]


def arguments_model(schema: object) -> type[BaseModel]:
    """Return the model that holds arguments to ``schema``; ``ValueError`` says what is wrong."""
    properties, required = _parts(schema)
    fields: dict[str, Any] = {}
    for name, one in properties.items():
        hint = _hint(name, one)
        fields[name] = (hint, ...) if name in required else (hint | None, None)
    try:
        # Strict: what the model quoted as a text is not silently a number.
        config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)
        return create_model("Arguments", __config__=config, **fields)
    except (SchemaError, PydanticUserError) as error:
        raise ValueError(f"the schema can't be held: {str(error).splitlines()[0]}") from error


def _parts(schema: object) -> tuple[dict[str, Schema], set[str]]:
    """Return the properties and the names of the required ones."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ValueError('the schema must be an object with "type": "object"')
    unknown = set(schema) - {"type", "properties", "required", "additionalProperties", "title"}
    if unknown - {"description", "$schema"}:
        raise ValueError(f"{min(unknown)} is not supported at the top")
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, dict) or len(properties) > MAX_PROPERTIES:
        raise ValueError(f"properties must be an object of at most {MAX_PROPERTIES}")
    if not isinstance(required, list) or not all(name in properties for name in required):
        raise ValueError("required must name properties")
    for name, one in properties.items():
        if not NAME.fullmatch(name) or name.startswith("model_"):
            raise ValueError(f"{name!r} can't be a property's name")
        if not isinstance(one, dict):
            raise ValueError(f"{name}: must be an object")
    return properties, set(required)


def _hint(name: str, schema: Schema) -> Any:
    """Return the annotation of one property."""
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in KEYWORDS:
        raise ValueError(f"{name}: type must be one of {', '.join(KEYWORDS)}")
    unknown = set(schema) - COMMON - set(KEYWORDS[kind])
    if unknown:
        raise ValueError(f"{name}: {min(unknown)} is not supported for a {kind}")
    if "enum" in schema:
        return _one_of(name, schema["enum"])
    bounds = {
        option: schema[keyword]
        for keyword, option in KEYWORDS[kind].items()
        if option and keyword in schema
    }
    _check_bounds(name, bounds)
    if kind == "string":
        bounds.setdefault("max_length", MAX_TEXT)
    if kind == "array":
        return Annotated[_items(name, schema), Field(**bounds)]
    return Annotated[PYTHON[kind], Field(**bounds)]


def _check_bounds(name: str, bounds: Mapping[str, Any]) -> None:
    for option, value in bounds.items():
        if option == "pattern":
            _check_pattern(name, value)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name}: its limits must be numbers")


def _check_pattern(name: str, pattern: object) -> None:
    """Compile it by the engine that will hold it: a linear one, so no pattern can hang it."""
    try:
        create_model("Pattern", field=(Annotated[str, Field(pattern=str(pattern))], ...))
    except SchemaError:
        raise ValueError(f"{name}: the pattern is not a regular expression") from None


def _one_of(name: str, values: object) -> Any:
    if not isinstance(values, list) or not values:
        raise ValueError(f"{name}: enum must be a list of values")
    if not all(isinstance(value, str | int) for value in values):
        raise ValueError(f"{name}: enum must hold texts or whole numbers")
    return Literal[tuple(values)]


def _items(name: str, schema: Schema) -> Any:
    items = schema.get("items")
    if not isinstance(items, dict) or items.get("type") not in PYTHON:
        raise ValueError(f"{name}: items must be of type {', '.join(PYTHON)}")
    return list[_hint(f"{name}'s items", items)]  # type: ignore[misc]
