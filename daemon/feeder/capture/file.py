"""The file of a capture: JSON lines, readable by eye and by `jq`.

    header       format, program, when, how the scanner was driven
    begin        an operation of the scanner, then what passed in it:
    opened, out, in, image, failed, clear_halt, reset, closed
    ended        what came of the operation
    end          how many lines came before: a file that was cut off is not taken

Rule 1: what a file says is checked before it is believed; InputError names the line.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from daemon.errors import InputError
from daemon.feeder.capture.recording import (
    FINGERPRINT_BYTES,
    Event,
    Failure,
    Header,
    Image,
    Kind,
    Opened,
    Operation,
    Outcome,
    Recording,
    Value,
)
from daemon.feeder.settings import Mode, Settings

FORMAT: Final = "suian capture 1"
LARGEST_FILE_BYTES: Final = 1 << 30
_LARGEST_TRANSFER_BYTES: Final = (1 << 24) - 1  # a command has three bytes for it
_FINGERPRINT: Final = f"crc32_of_first_{FINGERPRINT_BYTES}"
_LONGEST_MS: Final = 10**11
_NOT_A_CAPTURE: Final = "this is not a file of `suian scan --record`, or it is damaged"


def lines(recording: Recording) -> Iterator[str]:
    """Yield the lines of a file, each with its end."""
    count = 0
    for line in _lines(recording):
        count += 1
        yield json.dumps(line) + "\n"
    yield json.dumps({"what": "end", "lines": count}) + "\n"


def read(file: Path) -> Recording:
    """Read a capture.

    Raises
    ------
    InputError
        If it is none; with the line.
    """
    try:
        if file.stat().st_size > LARGEST_FILE_BYTES:
            raise InputError("the file is too large for a capture", file=file)
        with file.open(encoding="utf-8", newline="\n") as text:
            return parse(text)
    except OSError as error:
        raise InputError(f"cannot read the file: {error.strerror}", file=file) from error
    except UnicodeDecodeError as error:
        raise InputError(_NOT_A_CAPTURE, file=file) from error


def parse(text: Iterable[str]) -> Recording:
    """Read the lines of a capture.

    Raises
    ------
    InputError
        If it is none; with the line.
    """
    reader = _Reader()
    for number, line in enumerate(text, 1):
        try:
            reader.take(number, json.loads(line))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InputError(_NOT_A_CAPTURE, line=number, why=_why(error)) from error
    if reader.header is None or not reader.ended:
        raise InputError("the file is cut off: send it again whole")
    return Recording(reader.header, tuple(reader.operations))


class _Reader:
    """Takes the lines of a file in their order."""

    def __init__(self) -> None:
        self.header: Header | None = None
        self.operations: list[Operation] = []
        self.ended = False

    def take(self, number: int, line: object) -> None:
        if not isinstance(line, dict):
            raise TypeError("not an object")
        if self.ended:
            raise ValueError("more after the end")
        if self.header is None:
            self.header = _header(line)
            return
        what = line.pop("what")
        if what == "end":
            if line != {"lines": number - 1}:
                raise ValueError("lines are missing")
            self.ended = True
        elif what == "begin":
            self.operations.append(_operation(line))
        else:
            self._pass(what, line)

    def _pass(self, what: object, line: dict[str, Any]) -> None:
        if not self.operations or self.operations[-1].outcome is not None:
            raise ValueError("outside of an operation")
        operation = self.operations[-1]
        at_ms = _at_ms(line)
        if what == "ended":
            operation.outcome = Outcome(_text(line, "result"), _text(line, "said"))
        else:
            kind = Kind(what)  # type: ignore[arg-type]  # anything else is a ValueError
            operation.events.append(Event(at_ms, kind, _DECODE[kind](line)))
        _nothing_left(line)


def _lines(recording: Recording) -> Iterator[dict[str, object]]:
    yield {"format": FORMAT} | asdict(recording.header)
    for each in recording.operations:
        counts = {"repeats": each.repeats, "dropped": each.dropped}
        yield {"what": "begin", "at_ms": _ms(each.at_ms), "operation": each.name} | counts
        last_ms = each.at_ms
        for event in each.events:
            last_ms = event.at_ms
            yield {"what": event.kind, "at_ms": _ms(last_ms)} | _encoded(event.value)
        if each.outcome is not None:
            yield {"what": "ended", "at_ms": _ms(last_ms)} | asdict(each.outcome)


def _encoded(value: Value) -> dict[str, object]:
    match value:
        case bytes():
            return {"data": value.hex(" ")}
        case Image():
            content = {"content": base64.b64encode(value.packed).decode()} if value.packed else {}
            return {"bytes": value.size_bytes, _FINGERPRINT: f"{value.crc32:08x}"} | content
        case Failure():
            return {"errno": value.number, "doing": value.doing}
        case Opened():
            return asdict(value)
        case None:
            return {}


def _header(line: dict[str, Any]) -> Header:
    if line.pop("format") != FORMAT:
        raise ValueError("another format")
    serial, settings = line.pop("serial"), line.pop("settings")
    if not (serial is None or isinstance(serial, str)):
        raise TypeError("serial")
    header = Header(
        version=_text(line, "version"),
        began=_text(line, "began"),
        serial=serial,
        settings=None if settings is None else _settings(settings),
        images=_flag(line, "images"),
        whole=_flag(line, "whole"),
    )
    _nothing_left(line)
    return header


def _settings(line: dict[str, Any]) -> Settings:
    width, length = line.pop("paper_units")
    settings = Settings(
        dpi=_whole(line, "dpi", 50, 600),
        mode=Mode(line.pop("mode")),
        duplex=_flag(line, "duplex"),
        # no scanner of the series takes more; memory is asked for by these
        paper_units=(_in_range("width", width, 1, 20_000), _in_range("length", length, 1, 50_000)),
        any_length=_flag(line, "any_length"),
        overscan=_flag(line, "overscan"),
    )
    _nothing_left(line)
    return settings


def _operation(line: dict[str, Any]) -> Operation:
    operation = Operation(
        _text(line, "operation"),
        _at_ms(line),
        repeats=_whole(line, "repeats", 1, 1 << 53),
        dropped=_whole(line, "dropped", 0, 1 << 53),
    )
    _nothing_left(line)
    return operation


def _opened(line: dict[str, Any]) -> Opened:
    speed = line.pop("speed")
    opened = Opened(
        vendor_id=_whole(line, "vendor_id", 0, 0xFFFF),
        product_id=_whole(line, "product_id", 0, 0xFFFF),
        release=_whole(line, "release", 0, 0xFFFF),
        configuration=_whole(line, "configuration", 0, 0xFF),
        interface=_whole(line, "interface", 0, 0xFF),
        interface_class=_whole(line, "interface_class", 0, 0xFF),
        out_address=_whole(line, "out_address", 0, 0xFF),
        in_address=_whole(line, "in_address", 0, 0xFF),
        packet_bytes=_whole(line, "packet_bytes", 0, 0xFFFF),
    )
    return opened if speed is None else replace(opened, speed=_in_range("speed", speed, 0, 0xFF))


def _data(line: dict[str, Any]) -> bytes:
    return bytes.fromhex(_text(line, "data"))


def _image(line: dict[str, Any]) -> Image:
    count = _whole(line, "bytes", 0, _LARGEST_TRANSFER_BYTES)
    crc32 = int(_text(line, _FINGERPRINT), 16)
    if "content" not in line:
        return Image(count, crc32)
    try:
        image = Image(count, crc32, base64.b64decode(_text(line, "content"), validate=True))
        content = image.content()
    except (binascii.Error, zlib.error) as error:
        raise ValueError("the content of a page is damaged") from error
    if len(content) != count or zlib.crc32(content[:FINGERPRINT_BYTES]) != crc32:
        raise ValueError("the content of a page is not that of its fingerprint")
    return image


def _failure(line: dict[str, Any]) -> Failure:
    return Failure(_whole(line, "errno", 0, 0xFFFF), _text(line, "doing"))


def _none(_line: dict[str, Any]) -> None:
    return None


_DECODE: Final[dict[Kind, Callable[[dict[str, Any]], Value]]] = {
    Kind.OPENED: _opened,
    Kind.OUT: _data,
    Kind.IN: _data,
    Kind.IMAGE: _image,
    Kind.FAILED: _failure,
    Kind.CLEAR_HALT: _none,
    Kind.RESET: _none,
    Kind.CLOSED: _none,
}


def _ms(at_ms: float) -> float:
    return round(at_ms, 3)


def _at_ms(line: dict[str, Any]) -> float:
    value = line.pop("at_ms")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("at_ms")
    if not 0 <= value <= _LONGEST_MS:
        raise ValueError("at_ms")
    return float(value)


def _whole(line: dict[str, Any], key: str, low: int, high: int) -> int:
    return _in_range(key, line.pop(key), low, high)


def _in_range(key: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(key)
    if not low <= value <= high:
        raise ValueError(f"{key} is not from {low} to {high}")
    return value


def _text(line: dict[str, Any], key: str) -> str:
    value = line.pop(key)
    if not isinstance(value, str):
        raise TypeError(key)
    return value


def _flag(line: dict[str, Any], key: str) -> bool:
    value = line.pop(key)
    if not isinstance(value, bool):
        raise TypeError(key)
    return value


def _nothing_left(line: dict[str, Any]) -> None:
    if line:
        raise ValueError(f"unknown key {min(line)}")


def _why(error: Exception) -> str:
    return f"{error}" or type(error).__name__
