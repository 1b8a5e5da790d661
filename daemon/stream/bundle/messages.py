"""The messages of a bundle, as the stream they were: what is new goes through the intake.

Rule 1: entries that the folder has already are passed over, and their chain must lead to where the
folder is.
"""

from dataclasses import replace

from google.protobuf.message import DecodeError

from daemon.errors import ChainBroken, InputError
from daemon.rpc import pages_pb2 as pb
from daemon.spool.chain import Chain
from daemon.stream.bundle.blocks import End, Header
from daemon.stream.court.intake import Intake
from daemon.stream.court.store import CourtStore, Received
from daemon.stream.court.succession import Succession


class Messages:
    """Takes the messages of one bundle.

    Parameters
    ----------
    header
        What the stream has to be.
    store
        Bound to the epoch; its cursor is where the new entries begin.
    """

    def __init__(self, header: Header, store: CourtStore) -> None:
        self._header = header
        self._start = store.cursor
        self._incoming = store.incoming
        self._intake: Intake | None = None
        self._overlap: Succession | None = None
        self._whole: list[Received] = []
        self._entries = 0
        self._sequence = header.after_sequence
        self._hash = b""

    @property
    def known(self) -> int:
        """How many of the entries the folder had before."""
        return max(0, min(self._sequence, self._start.sequence) - self._header.after_sequence)

    def take(self, content: bytes) -> None:
        """Take a message.

        Raises
        ------
        InputError
            If it is none that an export writes.
        ChainBroken, ContractError
            As from an appliance on the wire, or if the folder holds other entries.
        """
        message = _decoded(content)
        match message.WhichOneof("event"):
            case "opened":
                self._open(message.opened)
            case "entry":
                self._entry(message.entry)
            case "blob_chunk":
                if self._sequence > self._start.sequence:
                    self._keep(self._opened().chunk(message.blob_chunk))
            case _:
                raise InputError("the bundle holds what no export writes: it is not of ours")

    def whole(self) -> list[Received]:
        """Return the new entries that are whole since the last call."""
        group, self._whole = self._whole, []
        return group

    def ends_as(self, end: End) -> bool:
        """Tell whether what came is what header and end say."""
        return (self._sequence, self._entries, self._hash.hex()) == (
            self._header.last_sequence,
            end.entries,
            end.entry_hash,
        )

    def close(self) -> None:
        """Let go of half received blobs."""
        if self._intake is not None:
            self._intake.close()

    def _open(self, opened: pb.Opened) -> None:
        header = self._header
        said = (opened.epoch, opened.appliance, Chain(opened.chain_algorithm))
        if said != (header.epoch, header.appliance, Chain(header.chain_algorithm)):
            raise InputError("the stream in the bundle is not the one its header names")
        self._intake = Intake(
            self._start, self._incoming, released_sequence=opened.released_sequence
        )

    def _opened(self) -> Intake:
        if self._intake is None:
            raise InputError("the stream in the bundle does not begin with its opening")
        return self._intake

    def _entry(self, entry: pb.Entry) -> None:
        intake = self._opened()
        if entry.sequence <= self._start.sequence:
            self._pass_over(entry)
        else:
            self._keep(intake.entry(entry))
        self._entries += 1
        self._sequence, self._hash = entry.sequence, entry.entry_hash

    def _pass_over(self, entry: pb.Entry) -> None:
        if self._overlap is None:
            before = replace(
                self._start,
                sequence=self._header.after_sequence,
                entry_hash=entry.prev_entry_hash,
            )
            self._overlap = Succession(before)
        self._overlap.take(entry)
        if entry.sequence == self._start.sequence and entry.entry_hash != self._start.entry_hash:
            raise ChainBroken(
                "the bundle and this folder tell different stories of the same entries: the"
                " appliance, or this folder, was restored from an older copy",
                sequence=entry.sequence,
            )

    def _keep(self, entry: Received | None) -> None:
        if entry is not None:
            self._whole.append(entry)


def _decoded(content: bytes) -> pb.PullResponse:
    try:
        return pb.PullResponse.FromString(content)
    except DecodeError as error:
        raise InputError("a message in the bundle cannot be read") from error
