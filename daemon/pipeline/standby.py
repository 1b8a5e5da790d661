"""Which kernels work the next face: the card's, until it has failed too often.

    the card fails at a face   ->   that face is done again on the CPU, from what was captured
    ... at three in a row      ->   the card is let alone until the next start

Rule 1: a face is the work of one twin alone, so that its record names who did it.
Rule 2: a card that fails is never a reason to lose a face or to stop a feeder.
"""

import logging
import threading
from typing import Final

from kernels.backend import Backend

log = logging.getLogger(__name__)

_IN_A_ROW: Final = 3


class Standby:
    """The kernels of all benches, and those that stand in for them.

    Parameters
    ----------
    backend
        With its spare, or without: then nothing stands in.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._failures = 0

    @property
    def backend(self) -> Backend:
        """Return the kernels for the next face."""
        spare = self._backend.spare
        return spare if spare is not None and self._failures >= _IN_A_ROW else self._backend

    def worked(self, backend: Backend) -> None:
        """Say that a face was done by some kernels: the card's failures were no row."""
        if backend is self._backend:
            with self._lock:
                if self._failures < _IN_A_ROW:
                    self._failures = 0

    def failed(self, error: Exception) -> None:
        """Say that the card failed at a face."""
        with self._lock:
            self._failures += 1
            log.warning("a face is worked again on the CPU: %s", error)
            if self._failures == _IN_A_ROW:
                log.error("the card failed %d times in a row: the CPU works on", _IN_A_ROW)
