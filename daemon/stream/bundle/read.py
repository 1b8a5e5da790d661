"""Import: a bundle into the folder of a consumer, as if it had been pulled.

    file -> decryption (seal.py) -> verified records (blocks.py) -> Intake -> CourtStore

Rule 1: a bundle is believed no more than an appliance on the wire: its messages pass the same
checks into the same store, and an entry is stored once, however often it comes.
Rule 2: it is read once, from its beginning. What its blocks complete is kept, so a bundle that is
damaged at some place has brought what stands before it, like a pull that was interrupted. Only the
end makes it whole, and only a whole one earns a receipt.
"""

from dataclasses import dataclass, field
from pathlib import Path

from daemon.errors import (
    ConfigError,
    ContractError,
    EpochChanged,
    InputError,
    VerificationFailed,
)
from daemon.spool.chain import Chain
from daemon.stream.bundle import seal
from daemon.stream.bundle.blocks import End, Header, Kind, Opening, Record, Unpacker, said
from daemon.stream.bundle.messages import Messages
from daemon.stream.bundle.sign import Trust
from daemon.stream.court.manifest_head import spoken_of
from daemon.stream.court.pulled import Pulled
from daemon.stream.court.store import CourtStore, Cursor


@dataclass(frozen=True, slots=True)
class Desk:
    """Who takes bundles, and on whose word.

    Attributes
    ----------
    directory
        Folder of the consumer; continued when it exists.
    consumer
        Whose folder it is, and for whom the bundle must be.
    identity, trust
        The key that reads bundles, and the CA of the appliances.
    signer
        Name or host in the appliance's certificate; "" when it is the appliance's own name.
    """

    directory: Path
    consumer: str
    identity: seal.Identity
    trust: Trust
    signer: str = ""


@dataclass(slots=True)
class Imported:
    """The account of an import."""

    header: Header
    cursor: Cursor
    """How far the folder is now."""
    known: int = 0
    """Entries of the bundle that were here already."""
    pulled: Pulled = field(default_factory=Pulled)
    """What was new, as of a pull."""


def bring_in(file: Path, desk: Desk) -> Imported:
    """Import a bundle.

    Raises
    ------
    InputError
        If it is none, is for another key, or is damaged; what stands before that place is kept.
    VerificationFailed
        If it is not signed by whom it should be, or was made for another court.
    EpochChanged, ChainBroken, ContractError
        If it does not continue what this folder holds.
    ConfigError
        If the folder belongs to another consumer, or a process uses it.
    SpoolFailed
        If the disk fails.
    """
    try:
        bundle = file.open("rb")
    except OSError as error:
        raise InputError(f"cannot read the bundle: {error.strerror}", file=file) from error
    with bundle:
        store = CourtStore(desk.directory, desk.consumer)
        reception = _Reception(store, desk)
        try:
            seal.decrypt(bundle, reception.take, desk.identity)
            return reception.finish()
        except (InputError, VerificationFailed, ContractError) as error:
            error.facts["folder_holds_to"] = store.cursor.sequence
            raise
        finally:
            reception.close()
            store.close()


class _Reception:
    """Takes the bytes of one bundle as they are decrypted."""

    def __init__(self, store: CourtStore, desk: Desk) -> None:
        self._store = store
        self._desk = desk
        self._unpacker = Unpacker(desk.trust)
        self._shelf: _Shelf | None = None

    def take(self, data: bytes) -> None:
        """Take a piece; what it completes is stored."""
        for item in self._unpacker.take(data):
            if isinstance(item, Opening):
                _check_parties(item, self._desk)
                self._shelf = _Shelf(item.header, self._store)
            elif self._shelf is not None:
                self._shelf.take(item)
        if self._shelf is not None:
            self._shelf.store_group()

    def finish(self) -> Imported:
        """Return the account once all was taken; raises InputError if the end is missing."""
        if self._shelf is None or not self._shelf.ended:
            raise InputError("the bundle is cut short: copy it or export it again")
        return self._shelf.finish()

    def close(self) -> None:
        """Let go of what came in part."""
        if self._shelf is not None:
            self._shelf.close()


def _check_parties(opening: Opening, desk: Desk) -> None:
    """Refuse a bundle by another appliance, for another court, or for another consumer."""
    header, names = opening.header, opening.signatory.names
    if (desk.signer or header.appliance) not in names:
        raise VerificationFailed(
            "the bundle is not signed by the appliance it names; if the certificate of that one"
            " bears another name, say which (--signer)",
            appliance=header.appliance,
            certificate=", ".join(sorted(names)),
        )
    if header.recipient != desk.identity.recipient:
        raise VerificationFailed(
            "the bundle was made for another court's key and passed on", made_for=header.recipient
        )
    if header.consumer != desk.consumer:
        raise ConfigError(
            "the bundle is another consumer's: import it with the certificate of that one",
            bundle=header.consumer,
            certificate=desk.consumer,
        )


class _Shelf:
    """Puts the records of one bundle into the folder, and keeps the account."""

    def __init__(self, header: Header, store: CourtStore) -> None:
        self._store = store
        self._header = header
        self._bind()
        self._messages = Messages(header, store)
        self._account = Imported(header, store.cursor)
        self.ended = False

    def take(self, record: Record) -> None:
        """Take a record."""
        if self.ended:
            raise InputError("the bundle goes on behind its end: it is not of ours")
        match record.kind:
            case Kind.MESSAGE:
                self._messages.take(record.content)
            case Kind.MANIFEST:
                self.store_group()
                self._keep_manifest(record.content)
            case Kind.END:
                self.store_group()
                self._end(said(End, record.content))

    def store_group(self) -> None:
        """Store the entries that are whole."""
        group = self._messages.whole()
        self._store.commit(group)
        self._account.pulled.count(group)

    def finish(self) -> Imported:
        """Return the account."""
        self._account.cursor = self._store.cursor
        self._account.known = self._messages.known
        self._account.pulled.without_manifest = self._store.cases_without_manifest()
        return self._account

    def close(self) -> None:
        """Let go of half received blobs."""
        self._messages.close()

    def _bind(self) -> None:
        """Bind a new folder to the appliance; refuse a bundle that does not continue an old one."""
        header, cursor = self._header, self._store.cursor
        if cursor.epoch == header.epoch and cursor.appliance != header.appliance:
            raise EpochChanged(
                "the bundle is of another appliance than this folder: take another folder",
                folder=cursor.appliance,
                bundle=header.appliance,
            )
        if cursor.epoch in ("", header.epoch) and header.after_sequence > cursor.sequence:
            raise ContractError(
                "entries are missing between this folder and the bundle: import the bundle that"
                " has them first, or export one that begins earlier (--after)",
                missing=f"{cursor.sequence + 1} to {header.after_sequence}",
            )
        self._store.adopt(header.epoch, header.appliance, Chain(header.chain_algorithm))

    @property
    def _level(self) -> bool:
        """True when the folder holds what the bundle holds and no more: its manifests fit."""
        return self._store.cursor.sequence == self._header.last_sequence

    def _keep_manifest(self, manifest: bytes) -> None:
        case_key, sequence = spoken_of(manifest)
        due = self._level and case_key in self._store.cases_without_manifest()
        if due and sequence <= self._header.last_sequence:
            self._store.keep_manifest(case_key, manifest, self._header.last_sequence)
            self._account.pulled.keep_manifest(case_key)

    def _end(self, end: End) -> None:
        whole = self._store.cursor.sequence >= self._header.last_sequence
        if not whole or not self._messages.ends_as(end):
            raise InputError("the bundle does not hold what its end says: export it again")
        if self._level:
            for case_key in self._store.cases_without_manifest():
                self._store.drop_manifest(case_key, self._header.last_sequence)
        self.ended = True
