"""Who may do what: scopes as they are written on a token, and the one answer to every question about them.

| scope | read | push | submit | approve | administer |
|---|---|---|---|---|---|
| `read` | everything | | | | |
| `push:SITE` | | that site | | | |
| `register:OPERATOR` | sites of that operator | | sites of that operator | | |
| `approve` | everything | | everything | everything | |
| `admin` | everything | everything | everything | everything | everything |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import TypeAdapter, ValidationError

from suanli.model.message import Message
from suanli.model.site import Id, Name

Verb = Literal["read", "push", "submit", "approve", "administer"]
Kind = Literal["read", "push", "register", "approve", "admin"]
VERBS: tuple[Verb, ...] = get_args(Verb)

_ID: TypeAdapter[str] = TypeAdapter(Id)
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_PLAIN: frozenset[str] = frozenset({"read", "approve", "admin"})
_EXPECTED = Message("expected read, push:SITE, register:OPERATOR, approve or admin")
_EVERYWHERE: dict[Kind, frozenset[Verb]] = {
    "read": frozenset({"read"}),
    "approve": frozenset({"read", "submit", "approve"}),
    "admin": frozenset(VERBS),
}
_AT_HOME: dict[Kind, frozenset[Verb]] = {"push": frozenset({"push"}), "register": frozenset({"read", "submit"})}


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One right. of: the site of `push`, the operator of `register`; None for the others, which reach everywhere."""

    kind: Kind
    of: str | None = None

    def __str__(self) -> str:
        return self.kind if self.of is None else f"{self.kind}:{self.of}"

    @classmethod
    def parsed(cls, text: str) -> Scope:
        """The scope as it is written; a ValueError says what was expected."""
        kind, colon, of = text.partition(":")
        if not colon and kind in _PLAIN:
            return cls(kind)  # type: ignore[arg-type] # one of the plain kinds
        if colon and kind == "push" and _fits(_ID, of):
            return cls("push", of)
        if colon and kind == "register" and _fits(_NAME, of) and of != "*":
            return cls("register", of)
        raise ValueError(
            Message(
                "{expected}, of one site or operator in its exact words, not {text!r}", expected=_EXPECTED, text=text
            )
        )


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the token by which we know them, and what it lets them do."""

    token_id: str
    owner: str
    scopes: frozenset[Scope]

    @property
    def actor(self) -> str:
        """As the audit trail names them."""
        return f"token:{self.token_id} {self.owner}"


def scopes_of(texts: Iterable[str]) -> frozenset[Scope]:
    """At least one scope, each parsed; a ValueError for none or a wrong one."""
    found = frozenset(map(Scope.parsed, texts))
    if not found:
        raise ValueError(_EXPECTED)
    return found


def may(principal: Principal, verb: Verb, operator: str | None = None, site: str | None = None) -> bool:
    """Whether they may do this to a site: its id and its operator's name, as they are registered.

    Both None: to all of them at once (the fleet's figures, tokens, the audit trail). A site that is to be registered,
    or to get another operator, is asked about once with each operator that it has or would have.
    """
    return any(_allows(scope, verb, operator, site) for scope in principal.scopes)


def operators_read(principal: Principal) -> frozenset[str] | None:
    """The operators whose sites they may read, as they are registered; None: everything."""
    if may(principal, "read"):
        return None
    return frozenset(scope.of for scope in principal.scopes if scope.of is not None and "read" in _AT_HOME[scope.kind])


def _allows(scope: Scope, verb: Verb, operator: str | None, site: str | None) -> bool:
    if scope.of is None:
        return verb in _EVERYWHERE[scope.kind]
    return verb in _AT_HOME[scope.kind] and scope.of == (site if scope.kind == "push" else operator)


def _fits(kind: TypeAdapter[str], text: str) -> bool:
    try:
        kind.validate_python(text, strict=True)
    except ValidationError:
        return False
    return True
