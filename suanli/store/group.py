"""Group commit: the samples of many polls in one transaction, so that one fsync serves them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from suanli.model.sample import Sample

_GATHER = 0.05  # seconds in which the answers of one wake-up come in


class GroupCommit:
    """A store's `append` for the event loop: durable when it returns; raises what the transaction raised."""

    def __init__(self, append: Callable[[list[Sample]], object]) -> None:
        self._append = append
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: list[tuple[list[Sample], asyncio.Future[None]]] = []
        self._committer: asyncio.Task[None] | None = None

    async def append(self, samples: list[Sample]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((samples, done))
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit_all())
        await done

    async def close(self) -> None:
        """Wait for what is being committed."""
        if self._committer is not None:
            await self._committer
        self._thread.shutdown()

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(_GATHER)
                group, self._waiting = self._waiting, []
                await self._commit(group)
        finally:
            self._committer = None

    async def _commit(self, group: list[tuple[list[Sample], asyncio.Future[None]]]) -> None:
        samples = [sample for part, _ in group for sample in part]
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._append, samples)
        except Exception as error:  # handed to every poll that waits for this transaction
            for _, done in group:
                if not done.cancelled():
                    done.set_exception(error)
            return
        for _, done in group:
            if not done.cancelled():
                done.set_result(None)
