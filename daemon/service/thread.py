"""A thread with an owner: it beats while it lives and reports how it ended."""

import threading
import time
from collections.abc import Callable

Run = Callable[[Callable[[], None]], None]
"""The body of a thread; gets the function to call at every turn."""


class Worker:
    """A thread of the service.

    Parameters
    ----------
    name
        Name of the thread, also in the metrics.
    run
        Its body.
    ended
        Set when the body returns or fails.
    """

    def __init__(self, name: str, run: Run, ended: threading.Event) -> None:
        self.name = name
        self.error: BaseException | None = None
        self.last_beat_s = time.monotonic()
        self._run = run
        self._ended = ended
        self._thread = threading.Thread(target=self._body, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False when it is still running."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def beat(self) -> None:
        """Say that the thread lives."""
        self.last_beat_s = time.monotonic()

    def _body(self) -> None:
        try:
            self._run(self.beat)
        except Exception as error:  # noqa: BLE001 (an exception in a thread reaches its owner)
            self.error = error
        finally:
            self._ended.set()
