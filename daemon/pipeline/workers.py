"""The workshop's hands: threads that work faces on all cores, in the order of the paper.

    a sheet of a feeder:   front and back side by side, the sooner it is durable the better
    a pile of images:      sheet beside sheet, as many as there are threads

Rule 1: results come in the order of what was given, whatever is done first.
Rule 2: a result lies in buffers that are used again: it holds until the next one is asked for.
Rule 3: no more is taken in than there are benches for it, nor more bytes than the bound.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self, TypeVar

import cv2

from daemon.pipeline import face
from daemon.pipeline.bench import Bench
from daemon.pipeline.face import Face, Raster, Source
from daemon.pipeline.profile import Profile
from daemon.pipeline.standby import Standby
from kernels.backend import Backend

MAX_BYTES: Final = 1 << 30
"""Of the images that are worked at a time; one that is larger by itself is worked alone."""
_SIDES: Final = 2
_BESIDE_A_CARD: Final = 4
"""What a card leaves to this side is Python between short kernels, and the interpreter runs one
thread at a time. On 16 cores beside an H100 four threads worked 292 to 387 pages/s, 16 of them 174
to 291."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usual_threads(backend: Backend) -> int:
    """Return how many threads work faces: as many as cores, but few beside a card."""
    return usable_cores() if backend.spare is None else min(usable_cores(), _BESIDE_A_CARD)


class Workers:
    """Threads and benches.

    Parameters
    ----------
    backend, profile
        The kernels and what they may do.
    threads
        How many; see `usual_threads` for when it is not given.
    """

    def __init__(self, backend: Backend, profile: Profile, threads: int | None = None) -> None:
        self.threads = threads or usual_threads(backend)
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="face")
        self.backend = backend
        self._standby = Standby(backend)
        self._profile = profile
        self._sides = self._benches()
        # Faces are what is done at a time; OpenCV's own threads would only wait for each other.
        cv2.setNumThreads(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def on_gpu(self) -> bool:
        """Whether a card works the next face."""
        return self._standby.backend.spare is not None

    def close(self) -> None:
        """End the threads when their work is done."""
        self._pool.shutdown()

    def sheet(self, sources: Sequence[Source], *, upside_down: bool = False) -> tuple[Face, ...]:
        """Work the sides of one sheet side by side; see `face.process`."""
        benches = self._sides[: len(sources)]
        looks = self.each(_look, list(zip(benches, sources, strict=True)))
        others = [
            looks[1 - i].measures if len(looks) == _SIDES else None for i in range(len(looks))
        ]
        return self.each(
            lambda job: face.finish(*job, upside_down=upside_down),
            list(zip(benches, looks, others, strict=True)),
        )

    def each(self, work: Callable[[Item], Result], items: Sequence[Item]) -> tuple[Result, ...]:
        """Do a piece of work for each item, side by side; return the results in order."""
        return tuple(self._pool.map(work, items))

    def in_order(self, sheets: Iterable[Sequence[Raster]]) -> Iterator[tuple[Face, ...]]:
        """Give the faces of each sheet, in order; several sheets are worked at a time."""
        free = [self._benches() for _ in range(self.threads + 1)]
        doing: deque[tuple[Future[tuple[Face, ...]], list[Bench], int]] = deque()
        held = 0
        for sheet in sheets:
            size = sum(raster.pixels.nbytes for raster in sheet)
            while doing and (len(doing) > self.threads or held + size > MAX_BYTES):
                held -= doing[0][2]
                yield from self._done(doing, free)
            benches = free.pop()
            doing.append((self._pool.submit(_work, benches, sheet), benches, size))
            held += size
        while doing:
            yield from self._done(doing, free)

    def _done(
        self,
        doing: deque[tuple[Future[tuple[Face, ...]], list[Bench], int]],
        free: list[list[Bench]],
    ) -> Iterator[tuple[Face, ...]]:
        future, benches, _ = doing.popleft()
        yield future.result()
        free.append(benches)  # the one who asked for it has come back for the next

    def _benches(self) -> list[Bench]:
        return [Bench(self._standby, self._profile) for _ in range(_SIDES)]


def _look(job: tuple[Bench, Source]) -> face.Look:
    return face.look(*job)


def _work(benches: list[Bench], rasters: Sequence[Raster]) -> tuple[Face, ...]:
    return face.process_on(benches, rasters)
