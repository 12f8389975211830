"""A drop folder, held open: everything in it is named relative to it, and no symbolic link is followed.

So that what is looked at is what is read, and neither leads out of what config.yaml gives, whoever renames meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from collectors.base import CollectError, NotFound, Refused, Unreachable

MAX_BYTES = 8 << 20
"""Of one table."""
Mark = tuple[int, int]
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITTEN = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as it lies there. mark: changes when its content does. fault: why it is not opened, or nothing."""

    name: str
    modified: float
    mark: Mark
    fault: str = ""


class Folder:
    """Made by `opened`; good until that ends."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def entries(self) -> list[Entry]:
        """Everything but folders, the oldest first."""
        found = [one for name in os.listdir(self._handle) if (one := self._entry(name)) is not None]
        return sorted(found, key=lambda one: (one.modified, one.name))

    def names(self, inner: str) -> list[str]:
        """Of what lies in this inner folder; nothing where there is none."""
        with suppress(FileNotFoundError), _within(self._handle, inner) as handle:
            return os.listdir(handle)
        return []

    def read(self, name: str, inner: str = "") -> bytes | None:
        """The file's bytes; None where it changed meanwhile, or went away."""
        with suppress(FileNotFoundError), _within(self._handle, inner) as folder:
            handle = os.open(name, _FILE, dir_fd=folder)
            with open(handle, "rb") as file:
                before = _mark(os.fstat(handle))
                data = file.read(MAX_BYTES + 1)
                return data if _mark(os.fstat(handle)) == before else None
        return None

    def put(self, entry: Entry, inner: str, name: str, report: str) -> None:
        """Rename it into an inner folder, a report beside it; one that has changed since is left where it is."""
        with suppress(FileExistsError):
            os.mkdir(inner, 0o770, dir_fd=self._handle)
        with _within(self._handle, inner) as folder:
            now = self._entry(entry.name)
            if now is None or now.mark != entry.mark:
                return
            if report:
                with open(os.open(f"{name}.txt", _WRITTEN, 0o660, dir_fd=folder), "w", encoding="utf-8") as file:
                    file.write(report)
            os.rename(entry.name, name, src_dir_fd=self._handle, dst_dir_fd=folder)

    def _entry(self, name: str) -> Entry | None:
        try:
            found = os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(found.st_mode):
            return None
        return Entry(name, found.st_mtime, _mark(found), _fault(found))


@contextmanager
def opened(root: str, path: str) -> Iterator[Folder]:
    """The folder at this path below root; what goes wrong in the block with files is told as an error of its kind."""
    where = str(PurePosixPath(root) / path)
    try:
        handle = os.open(root, _DIRECTORY)
        try:
            for part in PurePosixPath(path).parts:
                inner = os.open(part, _DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield Folder(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise _told(where, error) from None


@contextmanager
def _within(handle: int, inner: str) -> Iterator[int]:
    if not inner:
        yield handle
        return
    folder = os.open(inner, _DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
    try:
        yield folder
    finally:
        os.close(folder)


def _mark(found: os.stat_result) -> Mark:
    """Without the inode: a mount over SFTP may give another one at every look."""
    return found.st_size, found.st_mtime_ns


def _fault(found: os.stat_result) -> str:
    if stat.S_ISLNK(found.st_mode):
        return "is a symbolic link, and none is followed: put the file itself there"
    if not stat.S_ISREG(found.st_mode):
        return "is no file"
    return f"is larger than {MAX_BYTES >> 20} MiB: send it in parts" if found.st_size > MAX_BYTES else ""


def _told(where: str, error: OSError) -> CollectError:
    if error.errno == errno.ENOENT:
        return NotFound(f"folder {where} is not there: make it, or correct folders in config.yaml")
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return Refused(f"folder {where}: a part of it is a symbolic link or no folder, and none is followed")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV):
        advice = "the account that runs Suanli must be able to read it and to rename in it"
        return Refused(f"folder {where}: {error.strerror}: {advice}")
    return Unreachable(f"folder {where}: {error.strerror}")
