"""In which form a board is made: its language, and the data source that it asks."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.parts.language import LANGUAGES, Language, Say, speaker
from dashboards.parts.source import INFLUX_SOURCE, PROMETHEUS_SOURCE, Source


@dataclass(frozen=True, slots=True)
class Form:
    """One of the forms of a board."""

    language: Language
    source: Source = PROMETHEUS_SOURCE

    @property
    def say(self) -> Say:
        return speaker(self.language)

    @property
    def prometheus(self) -> bool:
        return self.source is PROMETHEUS_SOURCE

    def uid(self, word: str) -> str:
        """A board's uid: suanli-site, suanli-site-influx, suanli-site-en, suanli-site-influx-en."""
        return f"suanli-{word}" + ("" if self.prometheus else "-influx") + ("-en" if self.language == "en" else "")

    def title(self, word: str, zh: str, en: str) -> str:
        """Its title, with ASCII words that no other title has: Grafana drops Chinese characters from slugs."""
        if self.language == "en":
            return f"Suanli {en}" + ("" if self.prometheus else ", InfluxDB")
        return f"{zh} (Suanli {word}{'' if self.prometheus else ' InfluxDB'} zh)"


PROMETHEUS_FORMS = tuple(Form(language) for language in LANGUAGES)
ALL_FORMS = (*PROMETHEUS_FORMS, *(Form(language, INFLUX_SOURCE) for language in LANGUAGES))
