"""What a request of someone who may not decide may name on the machine that serves: files and variables of its site.

A secret is sent to the URL that stands beside it. Else an operator could have any file of this machine sent to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from suanli.config import Config
from suanli.model.errors import Problem
from suanli.model.message import Message
from suanli.model.secret import SecretRef
from suanli.model.site import Site, Source
from suanli.model.yamlfile import Loc, dotted

PREFIX = "SUANLI_SITE_"


def unconfined(site: Site, recorded: Site | None, config: Config) -> list[Problem]:
    """Everything that this site names beyond what is its own, but for sources that stay as they are recorded."""
    return [
        Problem(told, key=f"site {site.id}: {dotted(loc)}")
        for where in ("source", "cross_check")
        if (source := getattr(site, where)) is not None and (recorded is None or source != getattr(recorded, where))
        for loc, told in _faults(site.id, where, source, config.registration.secrets)
    ]


def _faults(site: str, where: str, source: Source, folder: str) -> Iterator[tuple[Loc, str]]:
    variable = PREFIX + site.upper().replace("-", "_")
    told = Message(
        "expected a file {folder}/{site}.NAME or the environment variable {variable} of the serving machine",
        folder=folder,
        site=site,
        variable=variable,
    )
    for name in ("password", "token", "kubeconfig"):
        secret: SecretRef | None = getattr(source.auth, name)
        if secret is None:
            continue
        if secret.env not in (None, variable):
            yield (where, "auth", name, "env"), told
        if secret.file is not None and not _within(secret.file, folder, site):
            yield (where, "auth", name, "file"), told
    for name in ("ca", "cert", "key"):
        file: str | None = getattr(source.tls, name)
        if file is not None and not _within(file, folder, site):
            yield (where, "tls", name), told


def _within(file: str, folder: str, site: str) -> bool:
    path = PurePosixPath(file)
    return path.parent == PurePosixPath(folder) and ".." not in path.parts and path.name.startswith(f"{site}.")
