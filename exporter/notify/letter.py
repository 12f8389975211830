"""A message as it waits in the queue."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Tone = Literal["info", "success", "warning", "failure"]
"""What colour a channel may give it; the words are those of Apprise."""


class Letter(BaseModel):
    """title, text: for people, as plain text; markdown: the same text for channels that show it better so.

    alerts: what it tells of, for programs (webhooks).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    text: str
    markdown: str
    tone: Tone = "warning"
    alerts: tuple[dict[str, Any], ...] = ()
