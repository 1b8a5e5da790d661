"""Page ids at which somebody is writing: the second one waits for the first."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.page import PageId


class Claims:
    """Who writes files of which page at this moment."""

    def __init__(self) -> None:
        self._taken: set[PageId] = set()
        self._changed = threading.Condition()

    @contextmanager
    def of(self, page_ids: set[PageId]) -> Iterator[None]:
        """Hold these page ids for the block; waits while another holds one of them."""
        with self._changed:
            self._changed.wait_for(lambda: not page_ids & self._taken)
            self._taken |= page_ids
        try:
            yield
        finally:
            with self._changed:
                self._taken -= page_ids
                self._changed.notify_all()
