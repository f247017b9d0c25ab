"""What is wrong in a request, in one line for its sender that quotes none of its texts."""

from collections.abc import Mapping, Sequence, Sized
from json import JSONDecodeError
from typing import Any

from findtune.serving.bodies import TAGS

MAX_PROBLEMS = 5  # of a body, named in one answer
NO_JSON = "the body is not read as JSON; send the header Content-Type: application/json."

# pydantic's type of error -> what a field has to hold
EXPECTED = {
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "list_type": "a list",
    "model_type": "a JSON object",
    "model_attributes_type": "a JSON object",
    "text_or_texts": "a text or a list of texts",
    "text_or_document": "a text or an object with title, text and url",
}
# pydantic's type of error -> how to mend it; actual: the length that was sent
REMEDIES = {
    "missing": "this field is missing",
    "string_unicode": "the text has half of a surrogate pair; send whole characters",
    "string_too_short": "the text is empty; send at least {min_length} character",
    "string_too_long": "send at most {max_length:,} characters, not {actual:,}",
    "too_short": "the list is empty; send at least {min_length} item",
    "too_long": "send at most {max_length:,} items, not {actual:,}",
    "greater_than_equal": "send at least {ge:,}",
    "less_than_equal": "send at most {le:,}",
    "less_than": "send less than {lt:,}",
}
KINDS: Mapping[type, str] = {
    **{type(None): "null", str: "a text", int: "a number", float: "a number"},
    **{list: "a list", dict: "an object"},
}


def problems(errors: Sequence[Any]) -> str:
    """Return one line that names what is wrong in a request."""
    lines = [f"{place_of(error['loc'])}: {remedy(error)}" for error in errors[:MAX_PROBLEMS]]
    more = [f"and {len(errors) - MAX_PROBLEMS} more"] if len(errors) > MAX_PROBLEMS else []
    return "; ".join([*lines, *more]) + "."


def place_of(location: Sequence[str | int]) -> str:
    """Return a field as its sender would write it: documents[1].title."""
    parts = [part for part in location[1:] if part not in TAGS]  # the first is "body" or "query"
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return place.removeprefix(".") or "body"


def remedy(error: Mapping[str, Any]) -> str:
    """Return what a field has to hold instead of what it holds."""
    kind, value = error["type"], error["input"]
    if (kind, len(error["loc"])) == ("missing", 1):
        return "send a JSON object"
    if kind in EXPECTED:
        return f"send {EXPECTED[kind]}, not {kind_of(value, kind)}"
    if kind in REMEDIES:
        actual = len(value) if isinstance(value, Sized) else 0
        return REMEDIES[kind].format(**error.get("ctx", {}), actual=actual)
    if kind == "literal_error":
        return f"send {error['ctx']['expected'].replace('True', 'true')}"
    return f"{error['msg']}".removeprefix("Value error, ")


def kind_of(value: object, kind: str) -> str:
    """Return what a value is. kind: the type of its error; a fraction is shown if it is the one."""
    if isinstance(value, bool):
        return f"{value}".lower()
    if isinstance(value, float) and kind == "int_type":
        return f"{value:g}"
    return KINDS.get(type(value), "a value of another type")


def unreadable(error: BaseException | None) -> str:
    """Return one line on a body that is no JSON. error: what its parser raised."""
    if isinstance(error, JSONDecodeError):
        reason = f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
        return f"body: it is not JSON: {reason}; send one JSON object."
    if isinstance(error, UnicodeDecodeError):
        return "body: it is not UTF-8; send JSON in UTF-8."
    if isinstance(error, RecursionError):
        return "body: it is nested too deep; send the fields that /openapi.json lists."
    if isinstance(error, ValueError):
        return "body: it has a number with too many digits; send a shorter number."
    return "body: it cannot be read; send one JSON object."
