"""The hopper, the paper path and the out-tray of the emulated scanner: where the paper lies.

Rule 1: paper has one order, so three numbers say where every sheet is: of `sheets` in all, those
below `next_sheet - in_path` lie in the out-tray, the next `in_path` in the path, the rest in the
hopper.
Rule 2: with a file, the file is the paper. Every change reads it, writes it anew and renames it
under a lock, so that another process may be the clerk's hands, and a killed one leaves a whole
file behind.
"""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from daemon.errors import ConfigError

_FORMAT: Final = "suian hopper 1"
_WHAT_TO_DO: Final = "delete it to start with a full hopper, or name another in feeder.hopper_file"


@dataclass(frozen=True, slots=True)
class Pile:
    """Where the paper lies at one moment, and what else hands can see or touch.

    Attributes
    ----------
    sheets
        How many there are in all.
    next_sheet
        Index of the sheet that lies on top in the hopper.
    in_path
        How many have left the hopper and not yet reached the out-tray.
    button
        Scan was pressed and nobody has read it yet.
    fired
        Indices of the faults of the script that have happened.
    """

    sheets: int = 0
    next_sheet: int = 0
    in_path: int = 0
    cover_open: bool = False
    button: bool = False
    fired: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.in_path <= self.next_sheet <= self.sheets:
            raise ValueError(f"no such pile: {self}")

    @property
    def in_hopper(self) -> int:
        """How many sheets wait."""
        return self.sheets - self.next_sheet

    @property
    def in_tray(self) -> int:
        """How many sheets are through."""
        return self.next_sheet - self.in_path


class Hopper:
    """The paper in the emulated scanner, and what hands and the mechanism do with it.

    Parameters
    ----------
    sheets
        How many sheets of paper there are; all begin in the hopper.
    file
        Where the pile is kept between runs; an existing one is continued. None: in memory.

    Raises
    ------
    ConfigError
        By every operation, if the file cannot be read or written, is no hopper file, or was made
        for another number of sheets.
    """

    def __init__(self, sheets: int, file: Path | None = None) -> None:
        self._sheets = sheets
        self._file = file
        self._lock = threading.Lock()
        self._pile = Pile(sheets)
        if file is not None:
            with self._alone(file):
                if file.exists():
                    self._read(file)
                else:
                    self._write(file, self._pile)

    @classmethod
    def existing(cls, file: Path) -> "Hopper":
        """Take up a hopper file whatever its number of sheets: for hands in another process.

        Raises ConfigError if there is none, or it is no hopper file.
        """
        return cls(_parsed(file, _text(file)).sheets, file)

    def look(self) -> Pile:
        """Return where the paper lies."""
        if self._file is not None:
            return self._read(self._file)  # whole without a lock: it is only ever renamed
        with self._lock:
            return self._pile

    # -- hands --------------------------------------------------------------------------------

    def refeed(self) -> None:
        """Lay what is in the path back on top of the hopper; nothing there is no error."""
        self._change(lambda pile: replace(pile, next_sheet=pile.in_tray, in_path=0))

    def take_back(self, sheets: int = 1) -> None:
        """Lay the last sheets of the out-tray back on top of the hopper.

        Raises ValueError if paper is in the path or the tray has fewer.
        """

        def taken(pile: Pile) -> Pile:
            if pile.in_path or not 0 <= sheets <= pile.in_tray:
                raise ValueError(f"cannot take back {sheets} sheets from {pile}")
            return replace(pile, next_sheet=pile.next_sheet - sheets)

        self._change(taken)

    def open_cover(self) -> None:
        """Open the cover of the feeder."""
        self._change(lambda pile: replace(pile, cover_open=True))

    def close_cover(self) -> None:
        """Shut the cover."""
        self._change(lambda pile: replace(pile, cover_open=False))

    def press_scan(self) -> None:
        """Press the Scan button; it stays pressed until it is read."""
        self._change(lambda pile: replace(pile, button=True))

    # -- the mechanism ------------------------------------------------------------------------

    def feed(self, count: int = 1) -> None:
        """Take `count` sheets from the hopper into the path, or as many as there are."""

        def fed(pile: Pile) -> Pile:
            taken = min(count, pile.in_hopper)
            return replace(pile, next_sheet=pile.next_sheet + taken, in_path=pile.in_path + taken)

        self._change(fed)

    def deliver(self) -> None:
        """Let everything in the path fall into the out-tray."""
        self._change(lambda pile: replace(pile, in_path=0))

    def read_button(self) -> bool:
        """Return whether Scan was pressed since it was last read."""
        if not self.look().button:  # four times a second, and almost never pressed: no lock
            return False
        return self._change(lambda pile: replace(pile, button=False)).button

    def fire(self, index: int) -> None:
        """Record that a fault of the script has happened, so that it happens once."""
        self._change(lambda pile: replace(pile, fired=tuple(sorted({*pile.fired, index}))))

    # -- where it is kept ---------------------------------------------------------------------

    def _change(self, step: Callable[[Pile], Pile]) -> Pile:
        """Replace the pile by what `step` makes of it; return the pile as it was before."""
        if self._file is None:
            with self._lock:
                before = self._pile
                self._pile = step(before)
                return before
        with self._alone(self._file):
            before = self._read(self._file)
            after = step(before)
            if after != before:
                self._write(self._file, after)
            return before

    @contextmanager
    def _alone(self, file: Path) -> Iterator[None]:
        """Keep every other process, and thread, from changing the file."""
        # The lock is a file of its own: the pile's file is another one after every rename.
        try:
            descriptor = os.open(
                file.with_name(file.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise _unusable(file, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self, file: Path) -> Pile:
        pile = _parsed(file, _text(file))
        if pile.sheets != self._sheets:
            raise ConfigError(
                f"the hopper file was made for another stack: {_WHAT_TO_DO}",
                file=file,
                sheets=pile.sheets,
                expected=self._sheets,
            )
        return pile

    def _write(self, file: Path, pile: Pile) -> None:
        unfinished = file.with_name(file.name + ".tmp")
        try:
            with unfinished.open("w", encoding="ascii") as out:
                json.dump({"format": _FORMAT, **asdict(pile)}, out)
                out.flush()
                os.fsync(out.fileno())
            unfinished.replace(file)
            folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise _unusable(file, error) from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise _unusable(file, error) from error
    except UnicodeDecodeError as error:
        raise _foreign(file) from error


def _parsed(file: Path, text: str) -> Pile:
    try:
        tree = json.loads(text)
        return _pile(tree)
    except (ValueError, TypeError) as error:
        raise _foreign(file) from error


def _pile(tree: Any) -> Pile:
    """Return the pile in a decoded file; raises ValueError or TypeError when it is not ours."""
    if not isinstance(tree, dict) or tree.pop("format", None) != _FORMAT:
        raise ValueError("no such format")
    if set(tree) != {field.name for field in fields(Pile)}:
        raise ValueError("other fields")
    if {type(index) for index in tree["fired"]} - {int}:
        raise ValueError("fired is not a list of indices")
    pile = Pile(**{**tree, "fired": tuple(tree["fired"])})
    for field in fields(Pile):
        if type(getattr(pile, field.name)) is not type(field.default):
            raise ValueError(f"{field.name} is of another type")
    return pile


def _foreign(file: Path) -> ConfigError:
    return ConfigError(f"this is not a whole hopper file: {_WHAT_TO_DO}", file=file)


def _unusable(file: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the hopper file cannot be used: {error.strerror}; name one in a folder that exists and"
        " may be written in feeder.hopper_file",
        file=file,
    )
