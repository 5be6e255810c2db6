"""The text form of values, as the WIT package documents it, written a second time."""

import base64
import json
import math
from dataclasses import dataclass


@dataclass
class Tagged:
    """A value of a type that only some bindings know."""

    tag: str
    body: object


class Absent:
    def __repr__(self):
        return "absent"


ABSENT = Absent()


def special(tag, body):
    return f'{{"$":[{json.dumps(tag, ensure_ascii=False)},{body}]}}'


def to_text(value):
    match value:
        case None | bool() | int() | str():
            return json.dumps(value, ensure_ascii=False)
        case float() if math.isfinite(value):
            return repr(value)
        case float():
            return special("double", '"NaN"' if math.isnan(value) else f'"{"-" * (value < 0)}Infinity"')
        case bytes():
            return special("bytes", to_text(base64.b64encode(value).decode()))
        case Tagged():
            return special(value.tag, to_text(value.body))
        case list():
            return f"[{','.join([to_text(item) for item in value])}]"
        case dict():
            fields = f"{{{','.join([f'{to_text(name)}:{to_text(item)}' for name, item in value.items()])}}}"
            return special("object", fields) if list(value) == ["$"] else fields
    raise TypeError(f"no value: {value!r}")


def from_text(text):
    return decode(json.loads(text, parse_constant=no_constant))


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def decode(raw, other=None):
    """What JSON stands for; `other(tag, arguments)` may know more forms, and gives None where it does not."""
    if isinstance(raw, list):
        return [decode(item, other) for item in raw]
    if not isinstance(raw, dict):
        return raw
    if list(raw) != ["$"]:
        return {name: decode(item, other) for name, item in raw.items()}
    tag, *arguments = raw["$"]
    known = other and other(tag, arguments)
    if known is not None:
        return known
    [body] = arguments
    match tag:
        case "bytes":
            return base64.b64decode(body, validate=True)
        case "double":
            return float({"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}[body])
        case "object":
            return {name: decode(item, other) for name, item in body.items()}
    return Tagged(tag, decode(body, other))
