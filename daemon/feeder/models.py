"""What single models do otherwise: `models.toml` as values."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any, Final

from daemon.errors import ConfigError

_KEYS: Final = frozenset(
    {"models", "origin", "never_mode_sense", "no_serial", "longest_units", "refused"}
)


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
    refused
        Why this driver cannot drive it, or "".
    origins
        Where this was learnt.
    """

    never_mode_sense: frozenset[int] = frozenset()
    no_serial: bool = False
    longest_units: Mapping[int, int] = field(default_factory=dict)
    refused: str = ""
    origins: tuple[str, ...] = ()

    def longest(self, dpi: int, page_f0_units: int) -> int:
        """Return the longest window at this resolution; `page_f0_units` where no row says more."""
        rows = [at for at in self.longest_units if dpi <= at]
        return max(page_f0_units, self.longest_units[min(rows)] if rows else 0)


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
        USB product id to model, as far as the id tells it.
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
                found = Quirks(
                    found.never_mode_sense | row.never_mode_sense,
                    found.no_serial or row.no_serial,
                    {**found.longest_units, **row.longest_units},
                    found.refused or row.refused,
                    found.origins + row.origins,
                )
        return found


def load() -> Models:
    """Read the package's own table."""
    return parse((files(__package__) / "models.toml").read_text(encoding="utf-8"))


def parse(text: str) -> Models:
    """Read a table of models.

    Raises
    ------
    ConfigError
        If it is not one: a key is missing or unknown.
    """
    try:
        data = tomllib.loads(text)
        return Models(
            vendor_id=data["vendor_id"],
            inquiry_vendors=tuple(data["inquiry_vendors"]),
            products={int(number, 16): model for number, model in data["products"].items()},
            rows=tuple(_rows(data.get("quirk", ()))),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"the table of scanner models is damaged: {error}") from error


def _rows(quirks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], Quirks]]:
    for row in quirks:
        if unknown := set(row) - _KEYS:
            raise ValueError(f"unknown key {min(unknown)}")
        longest = row.get("longest_units", {})
        yield (
            tuple(row["models"]),
            Quirks(
                frozenset(row.get("never_mode_sense", ())),
                row.get("no_serial", False),
                {int(dpi): units for dpi, units in longest.items()},
                row.get("refused", ""),
                (row["origin"],),
            ),
        )
