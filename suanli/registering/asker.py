"""Who asks at a desk: what they may, and how the audit trail names them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from suanli.model.access import Principal, Scope, Verb, may
from suanli.model.audit import Author, author_of, local_author
from suanli.model.errors import Forbidden
from suanli.model.message import Message


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, what they may, and how the audit trail names them."""

    principal: Principal
    author: Author

    def because(self, reason: str | None) -> Asker:
        """The same one, with this reason beside everything that they change now; an InputError for one of many lines.

        Nothing said (or only blanks) leaves what was said before.
        """
        return self if reason is None or not reason.strip() else replace(self, author=author_of(self.author, reason))

    def must(self, verb: Verb, told: Message) -> None:
        """A Forbidden where they may not do this everywhere; told: what it is, as in `may not give tokens`."""
        if not may(self.principal, verb):
            scope = {"administer": "admin"}.get(verb, verb)
            owner = self.principal.owner
            raise Forbidden(
                Message("{owner} may not {told}: that takes the scope {scope}", owner=owner, told=told, scope=scope)
            )


def local_asker() -> Asker:
    """Who sits at the store itself: they could write into it with any program, so nothing is kept from them."""
    author = local_author()
    return Asker(Principal("", author.actor, frozenset({Scope("admin")})), author)


def person(actor: str) -> str:
    """Who it is, whichever of their tokens they use."""
    token, _, owner = actor.partition(" ")
    return owner if token.startswith("token:") else actor
