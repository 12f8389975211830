"""What Grafana refuses, in our words: what, whose fault, what to do. Its answers were seen on a 9.4."""

from __future__ import annotations

import re

from suanli.model.errors import Conflict, Forbidden, InputError, Problem, SuanliError, Unavailable

_NEEDED = re.compile(r"Permissions needed: ([^\n]+)")
_PROVISIONED = "provisioned"


class Refusal(Exception):
    """An answer of 400 and above. word: Grafana's own code such as `name-exists`, "" where there is none."""

    def __init__(self, status: int, message: str, word: str = "") -> None:
        super().__init__(f"{status} {message}")
        self.status, self.message, self.word = status, message, word

    def says(self, text: str) -> bool:
        return text in self.message.lower()


def told(refusal: Refusal, doing: str, permission: str = "") -> SuanliError:
    """The error a person meets. doing: what was tried ("save the board x"); permission: what that needs, as documented.

    The sentence begins with what was tried, so that a caller adds only what had been done before.
    """
    if refusal.status == 401:
        return Forbidden(
            f"cannot {doing}: Grafana does not know the token; give that of a service account with the role Editor"
        )
    if refusal.status == 403:
        return Forbidden(f"cannot {doing}: the token lacks the permission {_needed(refusal, permission)}")
    if refusal.status >= 500 or refusal.status == 429:
        return Unavailable(f"cannot {doing}: Grafana answered {refusal}")
    return _answered(refusal, doing)


def _needed(refusal: Refusal, documented: str) -> str:
    """As Grafana names it, else as its manual does."""
    if match := _NEEDED.search(refusal.message):
        return match[1].strip()
    return documented or f"(Grafana does not say which: {refusal.message})"


def _answered(refusal: Refusal, doing: str) -> SuanliError:
    if refusal.word == "version-mismatch":
        return Conflict(f"cannot {doing}: somebody saved it while this ran; look at it (diff) and run this again")
    if refusal.word == "name-exists":
        return Conflict(f"cannot {doing}: another board of its folder has the same title; rename or delete that one")
    if refusal.word == "name-match":
        return Conflict(f"cannot {doing}: a board may not have the title of a folder; give the folder another one")
    if refusal.status == 400 and refusal.says(_PROVISIONED):
        return Conflict(
            f"cannot {doing}: Grafana reads it (or one of its title) from provisioning files; update those files"
        )
    if refusal.status == 400 and refusal.says("uid"):
        return InputError(Problem(f"cannot {doing}: {refusal.message}"))
    return Conflict(f"cannot {doing}: Grafana answered {refusal}")
