"""What sites may have read and started on this machine. Nothing else can say it: no registry, no request."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from suanli.config.base import STRICT, with_tuples
from suanli.model.grants import Program
from suanli.model.secret import SecretRef
from suanli.model.site import Id

_Folder = Annotated[str, Field(pattern=r"^/[^\x00]*$")]


class FoldersConfig(BaseModel):
    """Where centres drop their tables: a site's folder is the one of its id below root, or what `sites` says."""

    model_config = STRICT
    root: _Folder | None = None
    sites: dict[Id, _Folder] = {}

    def of(self, site: str) -> str | None:
        """The folder of this site; None where it has none."""
        return self.sites.get(site) or (None if self.root is None else f"{self.root.rstrip('/')}/{site}")


class ProgramConfig(BaseModel):
    """A program that prints samples, for these sites. secrets: variables of its environment."""

    model_config = STRICT
    command: tuple[Annotated[str, Field(pattern=r"^[^\x00]*$")], ...] = Field(min_length=1)
    sites: tuple[Id, ...] = Field(min_length=1)
    secrets: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], SecretRef] = {}

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        return with_tuples(value)

    def named(self, name: str) -> Program:
        return Program(name, self.command, tuple(self.secrets.items()))
