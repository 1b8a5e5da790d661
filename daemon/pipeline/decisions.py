"""Decisions about batches, handed to the feeding thread and carried out between sheets."""

import queue
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from daemon.errors import NotPossible, SpoolError
from daemon.spool.journal import Decision

WAIT_S: Final = 30.0
"""How long a decision waits for the sheet at hand."""


@dataclass(frozen=True, slots=True)
class _Asked:
    batch: int
    decision: Decision
    answer: "Future[int]" = field(default_factory=Future)


class Decisions:
    """A letter box: anybody may ask, one thread carries out."""

    def __init__(self) -> None:
        self._box: queue.SimpleQueue[_Asked] = queue.SimpleQueue()

    def ask(self, batch: int, decision: Decision) -> int:
        """Hand in a decision and wait; returns what was made of it.

        Raises
        ------
        NotPossible
            If the feeder is at work for too long.
        SpoolError
            What came of it.
        """
        asked = _Asked(batch, decision)
        self._box.put(asked)
        try:
            return asked.answer.result(WAIT_S)
        except TimeoutError:
            if asked.answer.cancel():
                raise NotPossible(
                    "the feeder is at work on a sheet: pause it and ask again", batch=batch
                ) from None
            return asked.answer.result()

    def carry_out(self, close: Callable[[int, Decision], int]) -> None:
        """Carry out what was handed in; called between sheets, and once at the end."""
        while True:
            try:
                asked = self._box.get_nowait()
            except queue.Empty:
                return
            if not asked.answer.set_running_or_notify_cancel():
                continue
            try:
                asked.answer.set_result(close(asked.batch, asked.decision))
            except (SpoolError, NotPossible) as error:
                asked.answer.set_exception(error)
