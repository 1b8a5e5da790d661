"""The streams that run at this moment: at most one a consumer, and how they end.

A newer stream of a consumer ends the older one (fencing); a drain ends all, and takes no more.
"""

import threading
from typing import Final

import grpc

from daemon.errors import Fenced
from daemon.stream.refusals import Refused

_DRAINING: Final = "the appliance is shutting down; come back in a moment"


class Stream:
    """One running Pull, as the other threads see it."""

    def __init__(self, consumer: str, acknowledged: int) -> None:
        self.consumer = consumer
        self._acknowledged = acknowledged
        self._changed = threading.Condition()
        self._ended = False
        self._fenced = False

    @property
    def acknowledged(self) -> int:
        """The last sequence this consumer has acknowledged."""
        with self._changed:
            return self._acknowledged

    def goes_on(self) -> bool:
        """Tell whether to send more.

        Raises
        ------
        Fenced
            If a newer stream of the consumer has taken over.
        """
        with self._changed:
            if self._fenced:
                raise Fenced("a newer stream of this consumer has taken over")
            return not self._ended

    def wait_for_credit(self, seen: int, timeout_s: float) -> None:
        """Wait until more than `seen` is acknowledged, or the stream is to end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._ended or self._fenced or self._acknowledged > seen, timeout_s
            )

    def acknowledge(self, sequence: int) -> None:
        """Give credit."""
        with self._changed:
            self._acknowledged = max(self._acknowledged, sequence)
            self._changed.notify_all()

    def end(self, *, fenced: bool = False) -> None:
        """End the stream: in peace, or because it was fenced."""
        with self._changed:
            self._ended = True
            self._fenced = fenced
            self._changed.notify_all()


class Streams:
    """All running streams."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Stream] = {}
        self._draining = False

    def open(self, consumer: str, acknowledged: int) -> Stream:
        """Start a stream and end the consumer's older one; raises Refused while draining."""
        with self._lock:
            if self._draining:
                raise Refused(grpc.StatusCode.UNAVAILABLE, _DRAINING)
            stream = Stream(consumer, acknowledged)
            older = self._running.get(consumer)
            self._running[consumer] = stream
        if older is not None:
            older.end(fenced=True)
        return stream

    def close(self, stream: Stream) -> None:
        """Forget a stream that has ended."""
        with self._lock:
            if self._running.get(stream.consumer) is stream:
                del self._running[stream.consumer]

    def acknowledged(self, consumer: str, sequence: int) -> None:
        """Give credit to the consumer's stream, if one runs."""
        with self._lock:
            stream = self._running.get(consumer)
        if stream is not None:
            stream.acknowledge(sequence)

    def drain(self) -> None:
        """End all streams in peace and take no more."""
        with self._lock:
            self._draining = True
            running = list(self._running.values())
        for stream in running:
            stream.end()
