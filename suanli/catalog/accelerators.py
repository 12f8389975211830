"""The catalogue of accelerators: theoretical dense peak of one device.

Conventions and sources of every row: suanli/catalog/README.md.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from suanli.model.message import Message
from suanli.model.units import Basis

_FOLDED = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One row. tflops: by precision, dense, per device; a precision that nobody published is absent, never 0."""

    id: str
    vendor: str
    name: str
    aliases: frozenset[str]
    tflops: dict[str, float]
    confidence: str
    source_url: str

    def peak_pflops(self, basis: Basis) -> float | None:
        """Peak of one device in PFLOPS, or None when it is not published for this basis."""
        tflops = self.tflops.get(basis)
        return None if tflops is None else tflops / 1000


@dataclass(frozen=True, slots=True)
class Accelerators:
    """All rows, found by id or by exact alias (letter case, spaces and hyphens do not matter)."""

    rows: tuple[Accelerator, ...]
    by_name: dict[str, Accelerator]

    def find(self, text: str) -> Accelerator | None:
        return self.by_name.get(folded(text))

    def meant(self, text: str) -> list[Accelerator]:
        """The rows that a person may mean, the likeliest first: the one of this name, or all that bear its words.

        `A100 80G` is every A100 of 80 GB. A word that is in no row's names leaves what is spelled most alike.
        """
        if (row := self.find(text)) is not None:
            return [row]
        words = folded(text).split("-")
        bearing = [row for row in self.rows if all(any(_bears(name, word) for name in row.aliases) for word in words)]
        whole = [row for row in bearing if any(all(_bears(name, word) for word in words) for name in row.aliases)]
        return whole or bearing or [row for id_ in self.nearest(text) if (row := self.find(id_)) is not None]

    def nearest(self, text: str) -> list[str]:
        """Up to three ids that a person may have meant."""
        close = difflib.get_close_matches(folded(text), self.by_name, n=6, cutoff=0.5)
        return list(dict.fromkeys(self.by_name[name].id for name in close))[:3]


def unlisted_text(model: str, catalogue: Accelerators) -> str:
    """What to tell of a model that is not in the catalogue."""
    nearest = catalogue.nearest(model)
    hint = (
        Message("nearest: {known}", known=", ".join(nearest))
        if nearest
        else Message("see suanli/catalog/accelerators.csv")
    )
    return Message("model {model!r} is not in the catalogue; {hint}", model=model, hint=hint)


def folded(text: str) -> str:
    """A name as it is compared: `NVIDIA A100-SXM4` and `nvidia-a100 sxm4` are one."""
    return _FOLDED.sub("-", text.strip().lower())


def _bears(name: str, word: str) -> bool:
    """Whether one of the name's words begins with this one: 80g in a100-80gb, but not 00 in a100."""
    return any(part.startswith(word) for part in name.split("-"))


@cache
def load_accelerators() -> Accelerators:
    """The shipped catalogue."""
    text = files("suanli.catalog").joinpath("accelerators.csv").read_text(encoding="utf-8")
    rows = tuple(_row(fields) for fields in csv.DictReader(io.StringIO(text, newline="")))
    by_name: dict[str, Accelerator] = {}
    for row in rows:
        for alias in row.aliases:
            by_name.setdefault(alias, row)
    return Accelerators(rows, by_name | {folded(row.id): row for row in rows})


def _row(fields: dict[str, str]) -> Accelerator:
    names = [fields["id"], fields["model"], *fields["aliases"].split(";")]
    tflops = {basis: float(fields[basis]) for basis in ("fp64", "fp32", "fp16") if fields[basis]}
    return Accelerator(
        id=fields["id"],
        vendor=fields["vendor"],
        name=fields["model"],
        aliases=frozenset(folded(name) for name in names if name),
        tflops=tflops,
        confidence=fields["confidence"],
        source_url=fields["source_url"],
    )
