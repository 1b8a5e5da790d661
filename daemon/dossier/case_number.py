"""Case numbers (案号): what is one, how it is printed, and the key it is filed under.

    (2018)吉01民初129号      year, court 吉01, type 民初, sequence 129
    (2019)吉01知民初1号      a specialist character: another series
    (2015)长民三初字第129号  legacy, until 2015: kept as it is, never parsed

Rule 1: one case, one key; two cases, two keys. What could be either is refused, not guessed.
Rule 2: today is not asked here; what must be judged by date is judged by the number's own year.
"""

import functools
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from daemon.dossier import case_types, courts
from daemon.errors import RuleError

FIRST_YEAR: Final = 2016
EARLIEST_LEGACY: Final = 1949
LATEST_YEAR: Final = 2099
UNKNOWN_COURT: Final = "unknown_court"
"""A warning: the court's prefix is known, its digits are not, or not yet in that year."""

_MOST_CHARACTERS: Final = 64
_EXAMPLE: Final = "write it as (2018)吉01民初129号"
_WHOLE: Final = re.compile(r"\(([0-9]{4})\)(.+?)号(.*)", re.DOTALL)
_AFTER_PREFIX: Final = re.compile(r"([0-9]*)([^0-9]+)([0-9]+)")
_COURT: Final = re.compile(r"[A-Z]{2}[0-9]{4}")
_YEAR: Final = re.compile(r"[0-9]{4}")
_SEQUENCE: Final = re.compile(r"[0-9]{1,8}")
_SPLIT_NUMBER: Final = re.compile(r"[0-9] +[0-9]")
_FAMILIES: Final = (("(", ")"), ("〔", "〕"))
_REFUSED_BRACKETS: Final = frozenset("[]【】{}《》〈〉<>")
_SPACES: Final = " \u3000"


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """A case number that was understood, or a legacy one kept verbatim.

    Attributes
    ----------
    text
        Normalised, as it is printed; a legacy number exactly as it was given.
    key
        ASCII, one plain segment of a path: `JL0100-00-2018-0301-00000129`, `legacy-<12 hex>`.
    court, specialist, type
        As a separator carries them: `JL0100`, `00`, `0301`; "" of a legacy number.
    sequence
        0 of a legacy number.
    warnings
        Fixed words; `unknown_court`.
    """

    text: str
    key: str
    legacy: bool
    year: int
    court: str
    specialist: str
    type: str
    sequence: int
    warnings: tuple[str, ...] = ()


def parse(text: str, *, latest_year: int = LATEST_YEAR) -> CaseNumber:
    """Read a case number as a person writes it.

    Parameters
    ----------
    latest_year
        A later year is refused; who has a clock passes this year.

    Raises
    ------
    RuleError
        It is not one; the message says what is wrong, without the number itself.
    """
    stripped = text.strip(_SPACES)
    plain = _plain(stripped)
    year, middle = _whole(plain, latest_year)
    if year >= FIRST_YEAR:
        return _number(_series(middle), year)
    if _looks_new(middle):
        raise RuleError(f"numbers of this form begin in {FIRST_YEAR}; look at the year", year=year)
    if not middle[-1:].isdigit():
        raise RuleError(f"a sequence number must stand before 号; {_EXAMPLE}")
    digest = hashlib.sha256(plain.encode("utf-8")).hexdigest()
    return CaseNumber(stripped, f"legacy-{digest[:12]}", True, year, "", "", "", 0)


def from_fields(
    court: str,
    specialist: str,
    year: str,
    type: str,  # noqa: A002 (the field's name)
    sequence: str,
) -> CaseNumber:
    """Return the case number that the fields of a separator mean.

    Raises
    ------
    RuleError
        A field is not in the tables, or the year is before the first one.
    """
    own_courts, own_types = _tables()
    shaped = _COURT.fullmatch(court) and _YEAR.fullmatch(year) and _SEQUENCE.fullmatch(sequence)
    if not shaped or not FIRST_YEAR <= int(year) <= LATEST_YEAR or int(sequence) == 0:
        raise RuleError("these fields have a court, year or sequence that no case has")
    prefix, digits = own_courts.decode(court)
    kind = case_types.CaseType(type, own_types.text(type))
    own = own_types.specialist(specialist)
    return _number(_Series(prefix, digits, own, kind, int(sequence)), int(year))


@dataclass(frozen=True, slots=True)
class _Series:
    """What stands between the year and 号."""

    prefix: courts.Prefix
    digits: str
    specialist: case_types.Specialist | None
    kind: case_types.CaseType
    sequence: int


@functools.cache
def _tables() -> tuple[courts.Courts, case_types.CaseTypes]:
    return courts.load(), case_types.load()


def _series(middle: str) -> _Series:
    """Read court, specialist, type and sequence; raises RuleError."""
    own_courts, own_types = _tables()
    prefix = own_courts.prefix_of(middle)
    if prefix is None:
        raise RuleError(f"no court's character follows the year; {_EXAMPLE}")
    found = _AFTER_PREFIX.fullmatch(middle[len(prefix.text) :])
    if found is None:
        raise RuleError(f"a type and a sequence must follow the court; {_EXAMPLE}")
    digits, letters, sequence = found.groups()
    split = own_types.split(letters)
    if split is None:
        raise RuleError("the case type between court and sequence is not in case_types.toml")
    if len(sequence) > 8 or sequence.startswith("0"):
        raise RuleError("a sequence has 1 to 8 digits, does not begin with 0 and is not 0")
    return _Series(prefix, digits, *split, int(sequence))


def _looks_new(middle: str) -> bool:
    """Tell whether a number is of the form of 2016: no older one has digits after the court."""
    prefix = _tables()[0].prefix_of(middle)
    if prefix is None:
        return False
    found = _AFTER_PREFIX.fullmatch(middle[len(prefix.text) :])
    new_type = found is not None and _tables()[1].split(found[2]) is not None
    return new_type or middle[len(prefix.text) :][:1].isdigit()


def _number(series: _Series, year: int) -> CaseNumber:
    specialist = series.specialist
    if specialist is not None and year < specialist.valid_from.year:
        raise RuleError(
            "this specialist character was not in use in that year",
            specialist=specialist.text,
            valid_from=specialist.valid_from,
        )
    code = specialist.code if specialist else case_types.NO_SPECIALIST
    kind, court = series.kind, courts.encode(series.prefix, series.digits)
    own = specialist.text if specialist else ""
    known = _tables()[0].known(series.prefix, series.digits, year)
    return CaseNumber(
        text=f"({year}){series.prefix.text}{series.digits}{own}{kind.text}{series.sequence}号",
        key=f"{court}-{code}-{year}-{kind.code}-{series.sequence:08d}",
        legacy=False,
        year=year,
        court=court,
        specialist=code,
        type=kind.code,
        sequence=series.sequence,
        warnings=() if known else (UNKNOWN_COURT,),
    )


def _whole(plain: str, latest_year: int) -> tuple[int, str]:
    """Take the year off the front and 号 off the end."""
    found = _WHOLE.fullmatch(plain)
    if found is None:
        raise RuleError(f"this is not a case number; {_EXAMPLE}")
    if found[3]:
        raise RuleError("what follows 号 names a document of the case, not the case; leave it out")
    year = int(found[1])
    if not EARLIEST_LEGACY <= year <= latest_year:
        raise RuleError("no case has this year", year=year)
    return year, found[2]


def _plain(text: str) -> str:
    """Return the form in which numbers are compared: NFKC, round brackets, no spaces."""
    if len(text) > _MOST_CHARACTERS:
        raise RuleError("this is too long for a case number", most=_MOST_CHARACTERS)
    for character in text:
        _check_character(character)
    plain = unicodedata.normalize("NFKC", text)
    if _SPLIT_NUMBER.search(plain):
        raise RuleError("a space stands inside a number; write the digits together")
    return _round_brackets(plain.replace(" ", ""))


def _check_character(character: str) -> None:
    """Refuse what looks like nothing, or like another character."""
    category = unicodedata.category(character)
    decomposition = unicodedata.decomposition(character)
    plain = unicodedata.normalize("NFKC", character)
    if category[0] in "CM" or (category[0] == "Z" and character not in _SPACES):
        problem = "an invisible or combining character or an unusual space"
    elif plain in _REFUSED_BRACKETS:
        problem = "a bracket that case numbers do not use: write ( )"
    elif decomposition.startswith("<") and not decomposition.startswith("<wide>"):
        problem = "a character that only looks like another one"
    elif category == "Nd" and not plain.isascii():
        problem = "digits of another script: write 0 to 9"
    else:
        return
    raise RuleError(f"the case number has {problem}", character=f"U+{ord(character):04X}")


def _round_brackets(text: str) -> str:
    """Turn the brackets into round ones; one pair must be of one family."""
    used = [family for family in _FAMILIES if any(bracket in text for bracket in family)]
    if len(used) > 1:
        raise RuleError("the case number mixes two kinds of brackets; write ( )")
    for left, right in used:
        text = text.replace(left, "(").replace(right, ")")
    return text
