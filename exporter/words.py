"""Words that many routes take: in the query, in headers and in bodies."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header, Query

LAST = 32_503_680_000
"""The year 3000: no calendar ends before it."""
DryRun = Annotated[bool, Query(description="only say what would change")]
Second = Annotated[int | None, Query(ge=0, le=LAST, description="UTC seconds")]
Since = Annotated[int | None, Query(alias="from", ge=0, le=LAST, description="from this second on, UTC")]
Until = Annotated[int | None, Query(alias="to", ge=0, le=LAST, description="before this second, UTC")]
IfMatch = Annotated[str | None, Header(description="the ETag of what was looked at, or *")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="of your making: sent again with it, a request that was carried out is answered as the first time",
    ),
]


def etag(state: Any) -> str:
    """What stands for this state of something, whatever the order of its keys."""
    text = json.dumps(state, sort_keys=True, ensure_ascii=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
