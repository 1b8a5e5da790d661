"""What a case is: one piece of work, and those who do it in turn.

Rule 1: no case without a floor or a peer in the same loop; a time alone says nothing.
Rule 2: all do the same work from the same start; where a peer does less, that is said in `does`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.own import Own
from benchmarks.sheets import Sheet

OURS: Final = "suian"
NOTHING: Final = ""

Work = Callable[[], Any]
Role = Literal["ours", "floor", "peer"]
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One who does the work.

    Attributes
    ----------
    backend
        As it stands in the lines.
    role
        Ratios of all are given to ours and to floors, those of ours to all.
    needs
        `OURS`, `NOTHING`, or the name of a peer.
    prepare
        From what `needs` names and a sheet, the work that is timed.
    does
        What the backend's name does not say.
    whole_program
        Started anew each time, so there is nothing to warm up.
    """

    backend: str
    role: Role
    needs: str
    prepare: Callable[[Any, Sheet], Work]
    does: str = ""
    whole_program: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One piece of work.

    Attributes
    ----------
    sheets
        Keys of the pages; times are of one page, the mean of these.
    judge
        What a result is worth, from the sheet and the result. Floors are not judged.
    reads
        The samples that the work begins with.
    rounds
        How often each does each page.
    """

    name: str
    sheets: tuple[str, ...]
    entries: tuple[Entry, ...]
    judge: Callable[[Sheet, Any], Figures] = field(default=lambda _, __: {})
    reads: Callable[[Sheet], NDArray[np.uint8]] = field(default=lambda sheet: sheet.colour.pixels)
    rounds: int = 15

    @property
    def everyone(self) -> tuple[Entry, ...]:
        """All who do the work, and what is below all: copying its samples to memory in hand."""

        def prepare(_: Any, sheet: Sheet) -> Work:
            source = self.reads(sheet)
            return partial(np.copyto, np.empty_like(source), source)

        return (*self.entries, Entry("memcpy", "floor", NOTHING, prepare))


def ours(prepare: Callable[[Own, Sheet], Work], variant: str = "", does: str = "") -> Entry:
    return Entry(f"{OURS} {variant}".strip(), "ours", OURS, prepare, does)


def peer(backend: str, needs: str, prepare: Callable[[Any, Sheet], Work], does: str = "") -> Entry:
    return Entry(backend, "peer", needs, prepare, does)
