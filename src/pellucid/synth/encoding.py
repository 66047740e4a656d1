"""Frozen dataclasses as JSON and back, equal to the last bit."""

import dataclasses
import types
import typing
from typing import Any

from pellucid.synth.geometry import Geometry


def encoded(value: Any) -> Any:
    """What `json` can write: fields by name, tuples as lists; a geometry also says of which type it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: encoded(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields} if isinstance(value, Geometry) else fields
    return [encoded(v) for v in value] if isinstance(value, tuple) else value


def decoded(kind: Any, value: Any) -> Any:
    """The value of a type, from what `encoded` gave. Raises ValueError, TypeError or KeyError when it is not of it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        choices = [a for a in arguments if a is not type(None)]
        named = [a for a in choices if len(choices) == 1 or a.__name__ == value["type"]]
        return decoded(named[0], value)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        given = {k: v for k, v in value.items() if k != "type"}
        return kind(**{name: decoded(hints[name], v) for name, v in given.items()})  # type: ignore[operator]
    if origin is tuple:
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(decoded(k, v) for k, v in zip(inner, value, strict=True))
    if kind is float:
        return float(value)
    return value
