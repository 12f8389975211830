"""Nothing of a channel's URL is told: it is a secret as a whole, and its parts are tokens, passwords and addresses."""

from __future__ import annotations

import re
from urllib.parse import unquote

_SHORTEST = 4


def scrubbed(text: str, url: str) -> str:
    """The text with *** for the URL and for each of its parts but the scheme."""
    _, _, rest = url.partition("://")
    pieces = {url, rest, *re.split(r"[/:@?&=,;]+", rest)}
    pieces |= {part for one in pieces for part in re.split(r"[/:@?&=,;]+", unquote(one))} | {
        unquote(one) for one in pieces
    }
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _SHORTEST:
            text = re.sub(re.escape(piece), "***", text, flags=re.IGNORECASE)
    return text
