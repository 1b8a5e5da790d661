"""A bounded memory of operations: what is dropped leaves a whole that can still be replayed.

Rule 1: the opening of the scanner stays, and all until it was first set up and fed. Then whole
sheets go, the oldest first, each from one feed to the next: at both the driver is armed, set up and
owes the scanner nothing. Rule 2: a later opening makes what lies before it droppable.
Rule 3: an operation that only looks, and saw what the one before it saw, takes its place.
"""

from dataclasses import dataclass, field, replace
from typing import Final, TypeGuard

from daemon.feeder.capture.recording import Event, Image, Kind, Operation, Outcome, Value
from daemon.feeder.fi.envelope import COMMAND_BLOCK_BYTES

SMALLEST_BYTES: Final = 16 * 1024
_EVENT_BYTES: Final = 250
"""Of an event without its bytes; measured, with what the interpreter adds."""
_OPERATION_BYTES: Final = 1_000

_COMMAND_AT: Final = 0x13
_FEED: Final = 0x31
_SETS_UP: Final = frozenset({0x15, 0x1A, 0x24})  # MODE SELECT, MODE SENSE, SET WINDOW
_LOOKS: Final = frozenset({"poll", "recover"})
_EVENTS_OF_A_LOOK: Final = 3  # command, answer, status: nothing was retried, nothing was wrong


@dataclass(slots=True, eq=False)
class _Kept:
    """An operation, and what must be known of it to drop it."""

    operation: Operation
    size_bytes: int = _OPERATION_BYTES
    opens: bool = False
    commands: set[int] = field(default_factory=set)

    def add(self, event: Event) -> int:
        size = _size(event)
        self.operation.events.append(event)
        self.size_bytes += size
        self.opens = self.opens or event.kind is Kind.OPENED
        if event.kind is Kind.OUT and _is_command(event.value):
            self.commands.add(event.value[_COMMAND_AT])
        return size

    def forget(self, count: int) -> int:
        """Forget the first events; return how many bytes that is."""
        events = self.operation.events
        size = sum(map(_size, events[:count]))
        del events[:count]
        self.size_bytes -= size
        return size

    @property
    def feeds_simply(self) -> bool:
        """The driver fed a sheet, and had nothing else to do before."""
        is_feed = self.operation.name == "feed" and self.operation.outcome is not None
        return is_feed and _FEED in self.commands and not self.commands & _SETS_UP

    @property
    def only_looks(self) -> bool:
        """It left nothing behind, neither in the driver nor in the scanner."""
        operation = self.operation
        return operation.name in _LOOKS and len(operation.events) == _EVENTS_OF_A_LOOK


class Ring:
    """Operations and what passed in them; not safe for several threads.

    Parameters
    ----------
    limit_bytes
        How much memory they may take.

    Attributes
    ----------
    is_whole
        It reaches back to an opening of the scanner; only then it can be replayed.
    has_news
        More has happened than looks that saw the same again. Cleared by who has taken note.
    size_bytes
        How much memory is taken, by a rule of thumb on the safe side.
    """

    def __init__(self, limit_bytes: int) -> None:
        if limit_bytes < SMALLEST_BYTES:
            raise ValueError(f"a capture needs {SMALLEST_BYTES} bytes, not {limit_bytes}")
        self.is_whole = True
        self.has_news = False
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        self._kept: list[_Kept] = []
        self._is_begun = False

    def begin(self, name: str, at_ms: float) -> None:
        """Begin an operation."""
        self._kept.append(_Kept(Operation(name, at_ms)))
        self.size_bytes += _OPERATION_BYTES
        self._is_begun = True

    def end(self, outcome: Outcome) -> None:
        """End the operation that was begun last."""
        self._is_begun = False
        self._kept[-1].operation.outcome = outcome
        if not self._repeats():
            self.has_news = True
        self._shrink()

    def add(self, event: Event) -> None:
        """Add what passed to the operation that was begun, or to one without a name."""
        if not self._is_begun and not (self._kept and not self._kept[-1].operation.name):
            self.begin("", event.at_ms)
            self._is_begun = False
        self.size_bytes += self._kept[-1].add(event)
        self._shrink()

    def snapshot(self) -> tuple[Operation, ...]:
        """Return a copy that later operations do not change."""
        operations = [each.operation for each in self._kept]
        return tuple(replace(each, events=list(each.events)) for each in operations)

    def _repeats(self) -> bool:
        """Let the last operation take the place of its equal before it, if it is one."""
        if len(self._kept) < 2:
            return False
        before, last = self._kept[-2].operation, self._kept[-1].operation
        if not (last.name in _LOOKS and _alike(before, last)):
            return False
        self._drop(len(self._kept) - 2, len(self._kept) - 1)
        last.repeats, last.dropped = before.repeats + 1, before.dropped
        return True

    def _shrink(self) -> None:
        while self.size_bytes > self._limit_bytes:
            self._drop_something()

    def _drop_something(self) -> None:
        kept = self._kept
        later = next((i for i, each in enumerate(kept) if i and each.opens), 0)
        until = later or len(kept)
        sheets = [i for i in range(until) if kept[i].feeds_simply]
        if len(sheets) > 1:
            self._drop(sheets[0], sheets[1])
        elif later:
            self._drop(0, later)
            self._begin_with_opening()
        elif looks := [i for i in range(len(kept) - 1) if kept[i].only_looks]:
            self._drop(looks[0], looks[0] + 1)
        else:
            self._give_up()

    def _begin_with_opening(self) -> None:
        """Forget what the first operation did to the connection before the one it opened."""
        first = self._kept[0]
        kinds = [event.kind for event in first.operation.events]
        self.size_bytes -= first.forget(kinds.index(Kind.OPENED))
        self.is_whole = True

    def _give_up(self) -> None:
        """Forget what is oldest, whatever it is: this cannot be replayed any more."""
        self.is_whole = False
        if len(self._kept) > 1:
            self._drop(0, 1)
        else:
            self.size_bytes -= self._kept[0].forget(len(self._kept[0].operation.events) // 2 + 1)

    def _drop(self, first: int, end: int) -> None:
        gone = self._kept[first:end]
        del self._kept[first:end]
        self.size_bytes -= sum(each.size_bytes for each in gone)
        following = self._kept[first].operation
        following.dropped += sum(each.operation.dropped + 1 for each in gone)


def _size(event: Event) -> int:
    value = event.value
    if isinstance(value, Image):
        return _EVENT_BYTES + len(value.packed)
    return _EVENT_BYTES + (len(value) if isinstance(value, bytes) else 0)


def _is_command(value: Value) -> TypeGuard[bytes]:
    return isinstance(value, bytes) and len(value) == COMMAND_BLOCK_BYTES


def _alike(one: Operation, other: Operation) -> bool:
    return (
        (one.name, one.outcome) == (other.name, other.outcome)
        and len(one.events) == len(other.events)
        and all(a[1:] == b[1:] for a, b in zip(one.events, other.events, strict=True))
    )
