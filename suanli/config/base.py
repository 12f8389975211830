"""What every part of the configuration is made with."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


def with_tuples(value: Any) -> Any:
    """YAML writes lists; the models hold tuples, so that nothing changes them."""
    if not isinstance(value, dict):
        return value
    return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
