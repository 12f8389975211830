"""The sites that somebody may see: of everything that is listed, only what is about these is told."""

from __future__ import annotations

from suanli.model.access import may
from suanli.model.errors import Problem, Unknown
from suanli.model.message import Message
from suanli.model.where import EVERYWHERE, Where
from suanli.registering.asker import Asker
from suanli.store.registry import RecordedSite
from suanli.store.sql import Store


def seen(store: Store, who: Asker, where: Where = EVERYWHERE) -> list[RecordedSite]:
    """Those that they may read, of `where`; Unknown names them where the site that is asked for is none of them."""
    mine = [item for item in store.registry if may(who.principal, "read", item.site.operator, item.site.id)]
    if where.site is not None and all(item.site.id != where.site for item in mine):
        raise unseen(where.site, mine)
    return [item for item in mine if where.fits(item.site)]


def unseen(id_: str, mine: list[RecordedSite]) -> Unknown:
    """Nothing of this name, or not for who asks, which is told alike."""
    known = ", ".join(item.site.id for item in mine) or Message("none yet (suanli apply)")
    return Unknown(Problem(Message("no site {id!r}; registered: {known}", id=id_, known=known)))


def sites_told(store: Store, who: Asker, where: Where = EVERYWHERE) -> frozenset[str] | None:
    """The ids of these sites; None: whatever there is, also what is about no site or about one that was never ours."""
    found = seen(store, who, where)
    return None if where.everywhere and may(who.principal, "read") else frozenset(item.site.id for item in found)
