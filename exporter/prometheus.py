"""GET /metrics: the site gauges rendered once per change, then our own metrics in the format that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.exposition import choose_encoder

from exporter.exposition import Family, families, second_signals, text_of
from exporter.judged import judged
from exporter.own import OwnMetrics
from exporter.packing import Packed, packed
from suanli.alerts.evaluator import Evaluator
from suanli.config import Config
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Store


class Exposition:
    """What a scrape gets. The cached part holds until a sample, a poll, the registry, a round of the evaluator or the
    clock changes a figure.
    """

    def __init__(
        self, store: Store, outcomes: Outcomes, checks: Outcomes, own: OwnMetrics, config: Config, evaluator: Evaluator
    ) -> None:
        """outcomes: of the polls of sources; checks: of second signals."""
        self._store, self._outcomes, self._checks, self._own, self._config = store, outcomes, checks, own, config
        self._evaluator = evaluator
        self._version: tuple[int, ...] | None = None
        self._valid_until: int | None = None
        self._text = b""
        self._packed: tuple[bytes, Packed] | None = None
        """With the text that it was made of."""

    def page(self, accept: str, now: int) -> tuple[bytes, str]:
        """The body and its content type."""
        encoder, content_type = choose_encoder(accept)
        return self.sites(now) + encoder(self._own.registry), content_type

    def packed_page(self, accept: str, now: int) -> tuple[bytes, str]:
        """The same, as gzip; what has not changed is not packed again."""
        encoder, content_type = choose_encoder(accept)
        text, known = self.sites(now), self._packed
        if known is None or known[0] is not text:
            known = self._packed = text, packed(text)
        return known[1].page(encoder(self._own.registry)), content_type

    def sites(self, now: int) -> bytes:
        """The gauges of sites, fleet, targets and alerts; gauges look the same in both formats."""
        day = datetime.fromtimestamp(now, self._config.zone).toordinal()
        parts = self._store, self._outcomes, self._checks, self._evaluator
        version = (*(part.version for part in parts), day)
        expired = self._valid_until is not None and now > self._valid_until
        if version != self._version or expired:
            self._text = text_of(self._families(now))
            self._version, self._valid_until = version, self._next_expiry(now)
        return self._text

    def _next_expiry(self, now: int) -> int | None:
        ends = self._store.next_expiry(now), self._evaluator.found.known_until
        return min((end for end in ends if end is not None and end >= now), default=None)

    def _families(self, now: int) -> Iterator[Family]:
        states, registry = self._store.states_now(now), self._store.registry
        yield from families(states, registry, self._outcomes, self._config, now)
        yield from second_signals(self._store.disagreements_now(now), self._checks)
        yield from judged(self._evaluator, now)
