"""What a court receives and how far it is: plain values between wire, disk and object store."""

from dataclasses import dataclass, field
from pathlib import Path

from daemon.spool.chain import Chain


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a journal is held: its last entry here, and the chain up to it.

    Attributes
    ----------
    epoch
        Of the journal; "" before the first contact.
    chain
        The epoch's hash chain.
    consumer, appliance
        Who pulls, and the name of the appliance.
    """

    epoch: str
    sequence: int
    entry_hash: bytes
    chain: Chain = field(default_factory=Chain)
    consumer: str = ""
    appliance: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One blob that follows an entry.

    Attributes
    ----------
    name
        Its file name, without a folder.
    part
        Its bytes in a part file; None when they did not come.
    released
        They did not come because the appliance had let go of them, as it may after everybody who is
        asked had acknowledged them. Else they are damaged there.
    kept
        They were stored earlier; read back from an object store.
    """

    page_id: str
    role: str
    sha256: bytes
    size_bytes: int
    name: str
    part: Path | None
    released: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """One entry, checked, with the blobs that came with it.

    Attributes
    ----------
    kind
        As in the journal, or "redacted".
    case_key, volume
        Where its page stands from now on; None: it does not say, or leaves it.
    record
        None when redacted.
    """

    sequence: int
    kind: str
    page_id: str
    case_key: str | None
    volume: str | None
    record: bytes | None
    record_hash: bytes
    entry_hash: bytes
    parts: tuple[Part, ...] = ()

    @property
    def places(self) -> bool:
        """True when it says something about where its page stands."""
        return self.case_key is not None or self.volume is not None

    @property
    def size_bytes(self) -> int:
        """Bytes of record and blobs."""
        return len(self.record or b"") + sum(part.size_bytes for part in self.parts)
