"""Tokens: how they are made and recorded, and how who brings one is known. Why so: docs/decisions/0011-access.md."""

from suanli.access.door import Door
from suanli.access.errors import AccessError, Expired, Invalid, LockedOut, Missing, Revoked, WrongNetwork
from suanli.access.issuing import Issued, WantedToken, issue, new_token, revoke
from suanli.access.listing import token_row, token_rows

__all__ = [
    "AccessError",
    "Door",
    "Expired",
    "Invalid",
    "Issued",
    "LockedOut",
    "Missing",
    "Revoked",
    "WantedToken",
    "WrongNetwork",
    "issue",
    "new_token",
    "revoke",
    "token_row",
    "token_rows",
]
