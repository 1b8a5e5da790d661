"""The bytes inside the encryption: a header and records in blocks, each block signed.

    magic | block 0: the header | block 1: records | block 2: records | ... the last record: end

    block   length (4 bytes) | payload | length (2) | signature of d(i)
            d(i) = SHA-256(d(i-1) || SHA-256(payload of block i)), d(-1) is no bytes
    record  kind (1 byte) | length (4) | content

Numbers are unsigned, most significant byte first.

Rule 1: no record is read before the signature of its block was verified. A signature covers all
blocks before its own, and with the header whose bundle it is: none can be left out, come twice, in
another order or from another bundle.
Rule 2: a bundle ends with the record that says so. Without it, it is cut short.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemon.errors import InputError
from daemon.stream.bundle.sign import Purpose, Signatory, Signer, Trust

MAGIC: Final = b"suian bundle 1\r\n"
BLOCK_BYTES: Final = 8 << 20
"""A block is closed by the record that fills it to this."""
MOST_BLOCK_BYTES: Final = 80 << 20  # above the largest record: a manifest has 64 MiB at most
MOST_HEADER_BYTES: Final = 256 << 10
_SIZE: Final = struct.Struct(">I")
_SIGNATURE_SIZE: Final = struct.Struct(">H")
_RECORD: Final = struct.Struct(">BI")


class Kind(IntEnum):
    """What a record is."""

    MESSAGE = 1
    """A `PullResponse`, as the daemon streamed it."""
    MANIFEST = 2
    """A manifest, as the daemon gave it."""
    END = 3
    """An `End`."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record."""

    kind: Kind
    content: bytes


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Header(_Said):
    """What the appliance says of its bundle before anything else."""

    format: Literal["suian.bundle/1"] = "suian.bundle/1"
    appliance: str
    epoch: str
    chain_algorithm: str
    consumer: str
    recipient: str = Field(description="So that the court cannot pass it on as if meant for others")
    after_sequence: int = Field(ge=0)
    last_sequence: int = Field(gt=0)
    made_at: str
    certificates: str = Field(description="PEM: of the signer, then up to the CA.")


class End(_Said):
    """What a bundle ends with."""

    entries: int
    manifests: int
    entry_hash: str = Field(description="Of the last entry, in hexadecimal.")


_Model = TypeVar("_Model", bound=BaseModel)


def said(model: type[_Model], data: bytes) -> _Model:
    """Read JSON that has to say just what `model` names; raises InputError."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InputError(
            "what this file says of itself cannot be understood: it is damaged, or of a newer"
            " version; update this side first",
            place=".".join(map(str, first["loc"])),
            said=first["msg"],
        ) from error


def pack(header: Header, records: Iterable[Record], signer: Signer) -> Iterator[bytes]:
    """Yield the bytes of a bundle; at most one block of them is held at a time."""
    yield MAGIC
    digest = b""
    for payload in chain([header.model_dump_json().encode()], _payloads(records)):
        digest = _next(digest, payload)
        signature = signer.sign(Purpose.BUNDLE, digest)
        yield _SIZE.pack(len(payload))
        yield payload
        yield _SIGNATURE_SIZE.pack(len(signature)) + signature


def _payloads(records: Iterable[Record]) -> Iterator[bytes]:
    payload = bytearray()
    for record in records:
        payload += _RECORD.pack(record.kind, len(record.content))
        payload += record.content
        if len(payload) >= BLOCK_BYTES:
            yield bytes(payload)
            payload.clear()
    if payload:
        yield bytes(payload)


def _next(digest: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(digest + hashlib.sha256(payload).digest()).digest()


@dataclass(frozen=True, slots=True)
class Opening:
    """The header, and who signed it and all that follows."""

    header: Header
    signatory: Signatory


class Unpacker:
    """Bytes in, in pieces of any size; what was verified out: the opening, then the records.

    Parameters
    ----------
    trust
        The CA of the appliances.
    """

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._signatory: Signatory | None = None
        self._bytes = bytearray()
        self._digest = b""
        self._begun = False

    def take(self, data: bytes) -> Iterator[Opening | Record]:
        """Take a piece; yields what is in every block that it completes.

        Raises
        ------
        InputError
            If it is no bundle, or not one that this version reads.
        VerificationFailed
            If the CA does not answer for the signer, or a signature is wrong.
        """
        self._bytes += data
        if not self._begun and not self._begins():
            return
        while (block := self._block()) is not None:
            payload, signature = block
            self._digest = _next(self._digest, payload)
            if self._signatory is None:
                # Read before it is verified, because it says by whom; used only after.
                header = said(Header, payload)
                pem = header.certificates.encode()
                self._signatory = self._trust.signatory(pem, Purpose.BUNDLE)
                self._signatory.verify(self._digest, signature)
                yield Opening(header, self._signatory)
            else:
                self._signatory.verify(self._digest, signature)
                yield from _records(payload)

    def _begins(self) -> bool:
        if not MAGIC.startswith(self._bytes[: len(MAGIC)]):
            raise InputError("this is no bundle of ours, or one of a newer version")
        if len(self._bytes) < len(MAGIC):
            return False
        del self._bytes[: len(MAGIC)]
        self._begun = True
        return True

    def _block(self) -> tuple[bytes, bytes] | None:
        """Return payload and signature of the next block, None until all of it is here."""
        if len(self._bytes) < _SIZE.size:
            return None
        (size,) = _SIZE.unpack_from(self._bytes)
        if size > (MOST_HEADER_BYTES if self._signatory is None else MOST_BLOCK_BYTES):
            raise InputError("a block of the bundle is too large: this is no bundle of ours")
        behind = _SIZE.size + size
        begin = behind + _SIGNATURE_SIZE.size
        if len(self._bytes) < begin:
            return None
        end = begin + _SIGNATURE_SIZE.unpack_from(self._bytes, behind)[0]
        if len(self._bytes) < end:
            return None
        block = bytes(self._bytes[_SIZE.size : behind]), bytes(self._bytes[begin:end])
        del self._bytes[:end]
        return block


def _records(payload: bytes) -> Iterator[Record]:
    """Read the records of a block; raises InputError if its signer wrote something else."""
    at = 0
    try:
        while at < len(payload):
            kind, size = _RECORD.unpack_from(payload, at)
            at += _RECORD.size
            if size > len(payload) - at:
                raise InputError("a record of the bundle is cut short by its maker")
            yield Record(Kind(kind), payload[at : at + size])
            at += size
    except (struct.error, ValueError) as error:
        raise InputError(
            "a record of the bundle is of a kind this version does not know: update this side first"
        ) from error
