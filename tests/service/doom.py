"""The moment at which a process dies."""

import time


class Doom:
    """Some time behind an event that is waited for.

    Parameters
    ----------
    happened
        Tells whether the event is there.
    delay_s
        How long after it was first seen.
    """

    def __init__(self, happened, delay_s):
        self._happened = happened
        self._delay_s = delay_s
        self._at_s = None

    def is_due(self):
        """Tell whether the moment has come."""
        if self._at_s is None and self._happened():
            self._at_s = time.monotonic() + self._delay_s
        return self._at_s is not None and time.monotonic() >= self._at_s
