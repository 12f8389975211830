"""What Grafana refuses, in our words: what, whose fault, what to do. Its answers were seen on a 9.4."""

from __future__ import annotations

import re

from suanli.model.errors import Conflict, Forbidden, InputError, Problem, SuanliError, Unavailable
from suanli.model.message import Message

_NEEDED = re.compile(r"Permissions needed: ([^\n]+)")
_PROVISIONED = "provisioned"
_OF_WORD = {
    "version-mismatch": Message("somebody saved it while this ran; look at it (diff) and run this again"),
    "name-exists": Message("another board of its folder has the same title; rename or delete that one"),
    "name-match": Message("a board may not have the title of a folder; give the folder another one"),
}


class Refusal(Exception):
    """An answer of 400 and above. word: Grafana's own code such as `name-exists`, "" where there is none."""

    def __init__(self, status: int, message: str, word: str = "") -> None:
        super().__init__(f"{status} {message}")
        self.status, self.message, self.word = status, message, word

    def says(self, text: str) -> bool:
        return text in self.message.lower()


def told(refusal: Refusal, doing: Message, permission: str = "") -> SuanliError:
    """The error a person meets. doing: what was tried ("save the board x"); permission: what that needs, as documented.

    The sentence begins with what was tried, so that a caller adds only what had been done before.
    """
    if refusal.status == 401:
        unknown = Message("Grafana does not know the token; give that of a service account with the role Editor")
        return Forbidden(cannot(doing, unknown))
    if refusal.status == 403:
        needed = _needed(refusal, permission)
        return Forbidden(cannot(doing, Message("the token lacks the permission {needed}", needed=needed)))
    if refusal.status >= 500 or refusal.status == 429:
        return Unavailable(cannot(doing, Message("Grafana answered {refusal}", refusal=str(refusal))))
    return _answered(refusal, doing)


def cannot(doing: Message, why: Message) -> Message:
    return Message("cannot {doing}: {why}", doing=doing, why=why)


def _needed(refusal: Refusal, documented: str) -> str:
    """As Grafana names it, else as its manual does."""
    if match := _NEEDED.search(refusal.message):
        return match[1].strip()
    return documented or Message("(Grafana does not say which: {words})", words=refusal.message)


def _answered(refusal: Refusal, doing: Message) -> SuanliError:
    if refusal.status == 400 and refusal.says(_PROVISIONED):
        why = Message("Grafana reads it (or one of its title) from provisioning files; update those files")
        return Conflict(cannot(doing, why))
    if refusal.status == 400 and refusal.says("uid"):
        return InputError(Problem(Message("cannot {doing}: {why}", doing=doing, why=refusal.message)))
    answered = Message("Grafana answered {refusal}", refusal=str(refusal))
    return Conflict(cannot(doing, _OF_WORD.get(refusal.word, answered)))
