"""A TOML table of the rules -> frozen, validated values. An unknown key refuses the rule set."""

import tomllib
from importlib import resources
from typing import Annotated, Final, TypeVar

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from daemon.errors import RuleError

# What every row of a table is checked with; a row names it as `__pydantic_config__`.
STRICT: Final = ConfigDict(extra="forbid", str_strip_whitespace=False)

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S(.*\S)?$")]

Table = TypeVar("Table")


def packaged(name: str) -> str:
    """Return the text of a table that comes with the package, such as `courts.toml`."""
    return (resources.files("daemon.dossier") / "rules" / name).read_text(encoding="utf-8")


def read(text: str, name: str, table: type[Table]) -> Table:
    """Return the rows of a table.

    Parameters
    ----------
    text, name
        The TOML text, and what to call it in an error.
    table
        The dataclass of the whole file.

    Raises
    ------
    RuleError
        Naming every wrong place: not TOML, an unknown or missing key, a value out of bounds.
    """
    try:
        return TypeAdapter(table).validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{name} is not TOML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise RuleError(f"{name} is wrong: {wrong}") from error


def unique(name: str, what: str, values: list[str]) -> None:
    """Raise RuleError if two rows of a table have the same value."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise RuleError(f"{name} has two rows with the same {what}", rows=", ".join(twice))
