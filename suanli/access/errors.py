"""Why somebody is not let in. What is told helps nobody to guess.

AccessError
├── Missing (401)         no token was given
├── Invalid (401)         not a token of ours: nothing is said of which part is wrong
├── Expired (401)         told only to who has the right secret
├── Revoked (401)         likewise
├── WrongNetwork (403)    likewise
└── LockedOut (429)       too many wrong ones came from this address; retry_after: seconds
"""

from __future__ import annotations

from suanli.model.errors import SuanliError
from suanli.model.message import Message


class AccessError(SuanliError):
    """Not let in."""

    status = 401
    told = ""

    def __init__(self) -> None:
        super().__init__(self.told)


class Missing(AccessError):
    """No token was given."""

    told = Message("a token is needed: Authorization: Bearer TOKEN")


class Invalid(AccessError):
    """Not a token of ours."""

    told = Message("the token is not valid")


class Expired(AccessError):
    """Its time is over."""

    told = Message("the token has expired; ask whoever gave it for a new one")


class Revoked(AccessError):
    """It was taken back."""

    told = Message("the token was revoked; ask whoever gave it")


class WrongNetwork(AccessError):
    """It may not be used from this address."""

    status = 403
    told = Message("the token may not be used from this address")


class LockedOut(AccessError):
    """Too many wrong tokens came from this address, so that for a while none is looked at. retry_after: seconds."""

    status = 429
    told = Message("too many wrong tokens came from this address; wait")

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after
