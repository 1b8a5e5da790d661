"""What single models do otherwise: `models.toml` as values.

Rule 1: the table is checked whole when it is read: a key, type or number that is not understood is
refused, with its place. Rule 2: every row says where it was learnt.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any, Final

from daemon.errors import ConfigError
from daemon.feeder.fi.window import Mode

PARTS: Final = ("pick_roller", "pad", "brake", "separator")
"""The parts that wear, as the sensors name them."""

_MOST_UNITS: Final = 1 << 20  # 22 m of paper
_MOST_SHEETS: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Quirks:
    """What one model does otherwise.

    Attributes
    ----------
    never_mode_sense
        Mode pages that must not be asked for.
    no_serial
        It has no serial number to tell.
    longest_units
        Resolution to longest window in 1/1200 inch; holds for lower resolutions too.
    sides_in_turn
        It sends all of the front before the back; else they come in turns.
    width_multiple_px
        Mode to what the width of its window must be a multiple of; see `width_multiple`.
    consumable_sheets
        Part to the sheets it lasts, as its maker says.
    refused
        Why this driver cannot drive it, or "".
    origins
        Where this was learnt.
    """

    never_mode_sense: frozenset[int] = frozenset()
    no_serial: bool = False
    longest_units: Mapping[int, int] = field(default_factory=dict)
    sides_in_turn: bool = False
    width_multiple_px: Mapping[Mode, int] = field(default_factory=dict)
    consumable_sheets: Mapping[str, int] = field(default_factory=dict)
    refused: str = ""
    origins: tuple[str, ...] = ()

    def longest(self, dpi: int, page_f0_units: int) -> int:
        """Return the longest window at this resolution; `page_f0_units` where no row says more."""
        rows = [at for at in self.longest_units if dpi <= at]
        return max(page_f0_units, self.longest_units[min(rows)] if rows else 0)

    def width_multiple(self, mode: Mode) -> int:
        """Return what the width in pixels must be a multiple of, besides whole bytes."""
        return self.width_multiple_px.get(mode, 1)

    def with_row(self, row: "Quirks") -> "Quirks":
        """Return these quirks and those of another row."""
        return Quirks(
            never_mode_sense=self.never_mode_sense | row.never_mode_sense,
            no_serial=self.no_serial or row.no_serial,
            longest_units={**self.longest_units, **row.longest_units},
            sides_in_turn=self.sides_in_turn or row.sides_in_turn,
            width_multiple_px={**self.width_multiple_px, **row.width_multiple_px},
            consumable_sheets={**self.consumable_sheets, **row.consumable_sheets},
            refused=self.refused or row.refused,
            origins=self.origins + row.origins,
        )


@dataclass(frozen=True, slots=True)
class Models:
    """All that is known of models.

    Attributes
    ----------
    vendor_id
        The USB vendor of every fi-series scanner.
    inquiry_vendors
        Vendors a scanner of the series names itself after.
    products
        USB product id to model, as far as the id tells it: `?` where it stands for a family.
    """

    vendor_id: int
    inquiry_vendors: tuple[str, ...]
    products: Mapping[int, str]
    rows: tuple[tuple[tuple[str, ...], Quirks], ...]

    def quirks(self, product: str) -> Quirks:
        """Return what the model of this INQUIRY product text does otherwise."""
        found = Quirks()
        for patterns, row in self.rows:
            if any(fnmatchcase(product, pattern) for pattern in patterns):
                found = found.with_row(row)
        return found

    def knows(self, product: str) -> bool:
        """Tell whether an id stands for the model of this INQUIRY product text.

        Another model is driven by what it says of itself.
        """
        names = (f"{name}*" for name in self.products.values())  # some add letters to their name
        return any(fnmatchcase(product, name) for name in names)


def load() -> Models:
    """Read the package's own table."""
    return parse((files(__package__) / "models.toml").read_text(encoding="utf-8"))


def parse(text: str) -> Models:
    """Read a table of models.

    Raises
    ------
    ConfigError
        If it is not one; the message names the place.
    """
    try:
        table = _checked(tomllib.loads(text), _TABLE, {"vendor_id", "inquiry_vendors", "products"})
        return Models(
            vendor_id=table["vendor_id"],
            inquiry_vendors=table["inquiry_vendors"],
            products=table["products"],
            rows=table.get("quirk", ()),
        )
    except ValueError as error:
        raise ConfigError(f"the table of scanner models is damaged: {error}") from error


_Check = Callable[[object], Any]
"""Returns a value of the table as the program keeps it; raises ValueError on another."""


def _checked(value: object, checks: Mapping[str, _Check], required: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected a table, got {value!r}")  # noqa: TRY004 (one kind of error)
    if missing := required - value.keys():
        raise ValueError(f"{min(missing)} is missing")
    found = {}
    for key, each in value.items():
        if key not in checks:
            raise ValueError(f"unknown key {key}")
        try:
            found[key] = checks[key](each)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from error
    return found


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r}")  # noqa: TRY004
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected a text, got {value!r}")
    return value


def _whole(low: int, high: int) -> _Check:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}, got {value!r}")
        return value

    return check


def _listed(each: _Check) -> _Check:
    def check(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError(f"expected a list that is not empty, got {value!r}")
        return tuple(each(one) for one in value)

    return check


def _mapped(key: _Check, each: _Check) -> _Check:
    def check(value: object) -> dict[Any, Any]:
        if not isinstance(value, dict) or not value:
            raise ValueError(f"expected a table that is not empty, got {value!r}")
        return {key(name): each(one) for name, one in value.items()}

    return check


def _product_id(value: object) -> int:
    if not re.fullmatch(r"[0-9a-f]{4}", str(value)):
        raise ValueError(f"expected four hexadecimal digits, got {value!r}")
    return int(str(value), 16)


def _dpi(value: object) -> int:
    if not re.fullmatch(r"[1-9][0-9]{1,3}", str(value)):
        raise ValueError(f"expected a resolution, got {value!r}")
    return int(str(value))


def _mode(value: object) -> Mode:
    return Mode(str(value))


def _part(value: object) -> str:
    if value not in PARTS:
        raise ValueError(f"expected one of {', '.join(PARTS)}, got {value!r}")
    return str(value)


_QUIRK: Final[Mapping[str, _Check]] = {
    "models": _listed(_text),
    "origin": _text,
    "never_mode_sense": _listed(_whole(0, 0x3F)),
    "no_serial": _flag,
    "longest_units": _mapped(_dpi, _whole(1, _MOST_UNITS)),
    "sides_in_turn": _flag,
    "width_multiple_px": _mapped(_mode, _whole(1, 64)),
    "consumable_sheets": _mapped(_part, _whole(1, _MOST_SHEETS)),
    "refused": _text,
}


def _quirks(value: object) -> tuple[tuple[tuple[str, ...], Quirks], ...]:
    return tuple(_rows(value))


def _rows(value: object) -> Iterator[tuple[tuple[str, ...], Quirks]]:
    if not isinstance(value, list):
        raise ValueError(f"expected rows, got {value!r}")  # noqa: TRY004
    for number, each in enumerate(value, start=1):
        try:
            row = _checked(each, _QUIRK, {"models", "origin"})
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from error
        patterns, origin = row.pop("models"), row.pop("origin")
        never = frozenset(row.pop("never_mode_sense", ()))
        yield patterns, Quirks(never_mode_sense=never, origins=(origin,), **row)


_TABLE: Final[Mapping[str, _Check]] = {
    "vendor_id": _whole(1, 0xFFFF),
    "inquiry_vendors": _listed(_text),
    "products": _mapped(_product_id, _text),
    "quirk": _quirks,
}
