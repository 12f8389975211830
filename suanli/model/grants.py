"""What a site may have read or started on the machine that polls: what config.yaml gives it (decision 0023)."""

from __future__ import annotations

from dataclasses import dataclass

from suanli.model.secret import SecretRef


@dataclass(frozen=True, slots=True)
class Program:
    """A program that prints samples. command: as it is started, without a shell; secrets: variables it is given."""

    name: str
    command: tuple[str, ...]
    secrets: tuple[tuple[str, SecretRef], ...] = ()


@dataclass(frozen=True, slots=True)
class Grants:
    """Nothing, unless whoever runs the instance says so. folder: where the site's tables are dropped."""

    folder: str | None = None
    programs: tuple[Program, ...] = ()

    def program(self, name: str) -> Program | None:
        return next((one for one in self.programs if one.name == name), None)


NOTHING = Grants()


def nothing(_site: str) -> Grants:
    """For those who know no configuration."""
    return NOTHING
