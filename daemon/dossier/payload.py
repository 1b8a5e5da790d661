"""What a separator sheet says: fixed fields, signed, as the text of its QR codes.

    DZ1:M:JL0100:00:2018:0301:00000129:LA:131:Y01:002:7KQ2M9XA:000000:K3:9F3KQ2XW7HTB4M1V
    format:kind:court:specialist:year:type:sequence:stage:material:party:instance:sheet id:argument
    :key id:check

Rule 1: the widths never change. The text is 85 of the 87 characters that a QR code of version 5
with error correction Q holds.
Rule 2: a field that a kind does not use is zeros. The table `_USED` says which kind uses which.
Rule 3: whatever bears our prefix and is not surely ours is a `BadPayload`, never content.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from types import MappingProxyType
from typing import Final, Literal

from daemon.errors import ConfigError

FORMAT: Final = "DZ1"
LENGTH: Final = 85
KEY_BYTES: Final = 32
SHEET_ID_BYTES: Final = 5
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base32 without I, L, O and U: no letter that a person reads as another."""

Reason = Literal["format", "unknown_key", "check", "field"]

_CHECK_BYTES: Final = 10
_OURS: Final = re.compile(r"DZ[0-9]:")
_BASE32: Final = f"[{ALPHABET}]"
_CHECK: Final = re.compile(_BASE32 + "{16}")
_KEY_ID: Final = "[A-Z][0-9A-Z]"
_KEY_LINE: Final = re.compile(rf"({_KEY_ID})\s*=\s*([0-9a-fA-F]{{{2 * KEY_BYTES}}})")

# Every field by the order in which it is printed: its zeros, and what it may be where it is used.
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "kind": ("", "[CMPSXVEOG]"),
    "court": ("000000", "[A-Z]{2}[0-9]{4}"),
    "specialist": ("00", "[0-9]{2}"),
    "year": ("0000", "(?:19|20)[0-9]{2}"),
    "type": ("0000", "(?!0000)[0-9]{4}"),
    "sequence": ("00000000", "(?!00000000)[0-9]{8}"),
    "stage": ("00", "[A-Z]{2}"),
    "material": ("000", "(?!000)[0-9]{3}"),
    "party": ("000", "000|[A-Z](?!00)[0-9]{2}"),
    "instance": ("000", "(?!000)[0-9]{3}"),
    "sheet_id": ("", _BASE32 + "{8}"),
    "argument": ("000000", "[0-9]{6}"),
    "key_id": ("", _KEY_ID),
}
_CASE: Final = ("court", "specialist", "year", "type", "sequence")
_PLACE: Final = ("stage", "material", "party", "instance")

# Which fields a kind uses beside itself, the sheet id and the key id.
_USED: Final[Mapping[str, frozenset[str]]] = {
    "C": frozenset(_CASE),
    "M": frozenset((*_CASE, *_PLACE, "argument")),  # argument: declared pages
    "P": frozenset((*_CASE, *_PLACE)),
    "S": frozenset((*_CASE, *_PLACE, "argument")),  # argument: insert after
    "X": frozenset((*_CASE, "argument")),  # argument: exposures
    "V": frozenset((*_CASE, "material")),  # material: the volume
    "O": frozenset(_CASE),
    "E": frozenset(),
    "G": frozenset(("stage", "material", "party")),  # a reusable card knows no case
}
KINDS: Final = tuple(_USED)


class BadPayload(ValueError):
    """Text that bears our prefix and is not surely ours, or fields that make no separator.

    Parameters
    ----------
    reason
        A fixed word: "format", "unknown_key", "check" or "field".
    field
        Which field is wrong, when the reason is "field".
    """

    def __init__(self, reason: Reason, field: str = "") -> None:
        super().__init__(f"{reason}: {field}" if field else reason)
        self.reason: Final = reason
        self.field: Final = field


@dataclass(frozen=True, slots=True)
class Payload:
    """The fields of a separator, exactly as printed; zeros where its kind uses none.

    Raises
    ------
    BadPayload
        Reason "field": a field is not what its kind allows.
    """

    kind: str
    court: str
    specialist: str
    year: str
    type: str
    sequence: str
    stage: str
    material: str
    party: str
    instance: str
    sheet_id: str
    argument: str
    key_id: str

    def __post_init__(self) -> None:
        used = _USED.get(self.kind)
        if used is None:
            raise BadPayload("field", "kind")
        for name, (zeros, pattern) in _FIELDS.items():
            free = name in used or not zeros
            if not re.fullmatch(pattern if free else zeros, str(getattr(self, name))):
                raise BadPayload("field", name)


def zeros(name: str) -> str:
    """Return what stands in the field `name` where a kind does not use it."""
    return _FIELDS[name][0]


def uses(kind: str, name: str) -> bool:
    """Tell whether separators of `kind` use the field `name`."""
    return name in _USED[kind]


def is_ours(text: str) -> bool:
    """Tell whether a code claims to be one of our separators; any defect after that is ours too."""
    return _OURS.match(text) is not None


def unsigned(payload: Payload) -> str:
    """Return the first 14 fields as they are signed, without the colon before the check."""
    return ":".join((FORMAT, *astuple(payload)))


def sign(payload: Payload, key: bytes) -> str:
    """Return the text of the codes, check and all.

    Raises
    ------
    ValueError
        The key has not 32 bytes.
    """
    fields = unsigned(payload)
    return f"{fields}:{_check(fields, key)}"


def read(text: str, keys: Mapping[str, bytes]) -> Payload:
    """Return what a separator says, if one of `keys` signed it.

    Raises
    ------
    BadPayload
        It is not surely ours; `reason` says why.
    """
    fields, _, check = text.rpartition(":")
    values = fields.split(":")
    shaped = len(text) == LENGTH and text.isascii() and len(values) == 1 + len(_FIELDS)
    if not shaped or values[0] != FORMAT or not _CHECK.fullmatch(check):
        raise BadPayload("format")
    key = keys.get(values[-1])
    if key is None:
        raise BadPayload("unknown_key")
    if not hmac.compare_digest(check, _check(fields, key)):
        raise BadPayload("check")
    return Payload(*values[1:])


def new_sheet_id(random: Callable[[int], bytes]) -> str:
    """Return a fresh sheet id of 8 characters; `random` gives so many unpredictable bytes."""
    return _base32(random(SHEET_ID_BYTES))


def keys_from(data: bytes) -> Mapping[str, bytes]:
    """Return the keys of a key file by their ids, in the order of the file: the last one signs.

    Raises
    ------
    ConfigError
        It is not a key file.
    """
    keys: dict[str, bytes] = {}
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigError("not a key file: make one with `suian separators key`") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _KEY_LINE.fullmatch(line.strip())
        if found is None:
            raise ConfigError(
                "a line of the key file is not `K1 = 64 hexadecimal digits`", line=number
            )
        if found[1] in keys:
            raise ConfigError("the key file names a key twice", line=number, key=found[1])
        keys[found[1]] = bytes.fromhex(found[2])
    if not keys:
        raise ConfigError("the key file has no key: make one with `suian separators key`")
    return MappingProxyType(keys)


def newest(keys: Mapping[str, bytes]) -> str:
    """Return the id of the key that signs: the last of the file."""
    return tuple(keys)[-1]


def new_key_file(key_id: str = "K1") -> bytes:
    """Return a key file with one fresh key.

    Raises
    ------
    ConfigError
        The key id is not a capital letter and a capital letter or digit.
    """
    if not re.fullmatch(_KEY_ID, key_id):
        raise ConfigError("a key id is a capital letter and a digit, such as K1", got=key_id)
    return (
        "# Keys of the separator sheets; whoever has them can print sheets that are trusted.\n"
        "# To change the key, add a line below: the last one signs, all of them are still read.\n"
        f"{key_id} = {secrets.token_hex(KEY_BYTES)}\n"
    ).encode("ascii")


def _check(fields: str, key: bytes) -> str:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return _base32(hmac.digest(key, fields.encode("ascii"), hashlib.sha256)[:_CHECK_BYTES])


def _base32(data: bytes) -> str:
    """Return five bits a character; `data` is a multiple of five bytes, so there is no padding."""
    bits = int.from_bytes(data, "big")
    count = len(data) * 8 // 5
    return "".join(ALPHABET[bits >> 5 * k & 31] for k in reversed(range(count)))
