"""From a request to the changes of the registry that answer it."""

from __future__ import annotations

from suanli.config import Config
from suanli.model.capacity import instant
from suanli.model.request import AdditionRequest, MoveRequest, Request, SitesRequest
from suanli.registering.entries import planned_addition, planned_correction
from suanli.registering.moves import planned_move
from suanli.registering.plans import planned
from suanli.store.ledger_plan import Located, by_name
from suanli.store.plan import Change
from suanli.store.sql import Store


def planned_request(store: Store, request: Request, config: Config, located: Located = by_name) -> list[Change]:
    """The changes by which the registry says what the request asks for; an InputError says why it cannot."""
    if isinstance(request, SitesRequest):
        since = None if request.effective is None else instant(request.effective, config.zone)
        return planned(store, list(request.sites), config, since, located)
    if isinstance(request, MoveRequest):
        since = instant(request.since, config.zone)
        return planned_move(store, request.site, request.pool, request.to, request.as_id or request.pool, since, config)
    entries = planned_addition if isinstance(request, AdditionRequest) else planned_correction
    return entries(store, request.site, request.pool, request.entry, config)
