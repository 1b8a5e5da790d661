"""Streams and events of a card that is late: nothing happens before somebody waits for it."""

import collections
import itertools
import threading
import time
import weakref

from tests.emulator.errors import error

# One emulated card at work in a process: a library has one set of threads and shared memory.
AT_WORK = threading.RLock()


class Streams:
    """The streams of a card, by their numbers, and the one that is current in each thread."""

    def __init__(self, fate):
        self.fate = fate
        self._numbers = itertools.count(0x5000_0000)
        self._by_number = weakref.WeakValueDictionary()
        self._current = threading.local()

    def add(self, stream):
        number = next(self._numbers)
        self._by_number[number] = stream
        return number

    def by_number(self, number):
        stream = self._by_number.get(number)
        if stream is None:
            raise error("handle", f"{number:#x} is no stream")
        return stream

    def nested(self):
        if not hasattr(self._current, "streams"):
            self._current.streams = []
        return self._current.streams

    def current(self):
        if not self.nested():
            raise RuntimeError("a kernel outside of `with stream:` would wait for every stream")
        return self.nested()[-1]


class Stream:
    """As `cupy.cuda.Stream`."""

    def __init__(self, streams, *, non_blocking=False):
        if not non_blocking:
            raise RuntimeError("a blocking stream waits for the null stream and for its likes")
        self._streams = streams
        self._queue = collections.deque()
        self.ptr = streams.add(self)

    def append(self, work):
        self._queue.append(work)

    def synchronize(self):
        self.run_until(lambda: False)

    def run_until(self, is_enough):
        with AT_WORK:
            try:
                self._streams.fate.call()
                while self._queue and not is_enough():
                    self._queue.popleft()()
            except BaseException:
                self._queue.clear()  # as after an error on a card: the rest never happens
                raise

    def __enter__(self):
        self._streams.nested().append(self)
        return self

    def __exit__(self, *_):
        self._streams.nested().pop()


class Event:
    """As `cupy.cuda.Event`."""

    def __init__(self, streams):
        self._streams = streams
        self._stream = None
        self.at_s = None

    def record(self, stream=None):
        self._stream = stream or self._streams.current()
        self.at_s = None
        self._stream.append(self._happen)

    def _happen(self):
        self.at_s = time.perf_counter()

    def synchronize(self):
        if self._stream is not None:
            self._stream.run_until(lambda: self.at_s is not None)


def elapsed_ms(start, end):
    if start.at_s is None or end.at_s is None:
        raise error("early", "an event was not waited for")
    return (end.at_s - start.at_s) * 1e3
