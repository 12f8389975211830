"""pydantic's findings in our words, as messages: its English is kept, and can be said in another language."""

from __future__ import annotations

from pydantic_core import ErrorDetails

from suanli.model.message import Message, message_of

_SAID = {
    "missing": (Message("Field required"),),
    "literal_error": (Message("should be {expected}"),),
    "greater_than": (Message("should be greater than {gt}"),),
    "greater_than_equal": (Message("should be greater than or equal to {ge}"),),
    "less_than": (Message("should be less than {lt}"),),
    "less_than_equal": (Message("should be less than or equal to {le}"),),
    "finite_number": (Message("should be a finite number"),),
    "string_type": (Message("should be a valid string"),),
    "int_type": (Message("should be a valid integer"),),
    "int_parsing": (Message("should be a valid integer, unable to parse string as an integer"),),
    "int_from_float": (Message("should be a valid integer, got a number with a fractional part"),),
    "float_type": (Message("should be a valid number"),),
    "float_parsing": (Message("should be a valid number, unable to parse string as a number"),),
    "bool_type": (Message("should be a valid boolean"),),
    "dict_type": (Message("should be a valid dictionary"),),
    "list_type": (Message("should be a valid list"),),
    "tuple_type": (Message("should be a valid tuple"),),
    "date_type": (Message("should be a valid date"),),
    "datetime_type": (Message("should be a valid datetime"),),
    "model_type": (Message("should be a valid dictionary or instance of {class_name}"),),
    "string_pattern_mismatch": (Message("String should match pattern '{pattern}'"),),
    "string_too_short": (
        Message("String should have at least {min_length} character"),
        Message("String should have at least {min_length} characters"),
    ),
    "string_too_long": (
        Message("String should have at most {max_length} character"),
        Message("String should have at most {max_length} characters"),
    ),
}
"""What pydantic says, by the type of its finding, after `Input`; of one and of many where it tells them apart."""


def plain(detail: ErrorDetails) -> str:
    """What a validator of ours said; else pydantic's own, of a value that `should` be something."""
    values = detail.get("ctx") or {}
    if isinstance(error := values.get("error"), ValueError):
        return message_of(error)
    text = detail["msg"].replace("Input should", "should")
    said = (Message(one.template, **values) for one in _SAID.get(detail["type"], ()))
    return next((one for one in said if one == text), text)
