"""The receipt: the court's signed word for how far it holds a journal.

Two lines of JSON: the statement, whose very bytes are signed, and the proof of it. No case data.

Rule 1: a receipt moves the cursor of the consumer that signed it, by the journal it names and the
chain hash in it; nothing else does it say or prove.
"""

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.errors import ContractError, EpochChanged, InputError, VerificationFailed
from daemon.stream.bundle.blocks import said
from daemon.stream.bundle.daemon_here import DaemonHere
from daemon.stream.bundle.sign import Purpose, Signer, Trust
from daemon.stream.court.folder import disk, write_whole
from daemon.stream.court.received import Cursor

MOST_BYTES: Final = 256 << 10


class Statement(BaseModel):
    """What the court says."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal["suian.receipt/1"] = "suian.receipt/1"
    appliance: str
    epoch: str
    consumer: str
    sequence: int = Field(gt=0, description="Everything up to here is durable at the court.")
    entry_hash: str = Field(pattern="^([0-9a-f]{2})+$")
    received_at: str


class _Proof(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    certificates: str
    signature: str


def write(file: Path, cursor: Cursor, signer: Signer) -> Statement:
    """Write the receipt for what a folder holds; raises SpoolFailed."""
    statement = Statement(
        appliance=cursor.appliance,
        epoch=cursor.epoch,
        consumer=cursor.consumer,
        sequence=cursor.sequence,
        entry_hash=cursor.entry_hash.hex(),
        received_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    line = statement.model_dump_json().encode()
    signature = signer.sign(Purpose.RECEIPT, hashlib.sha256(line).digest())
    proof = _Proof(
        certificates=signer.certificates_pem.decode("ascii"),
        signature=base64.b64encode(signature).decode("ascii"),
    )
    with disk("write the receipt"):
        write_whole(file.absolute(), line + b"\n" + proof.model_dump_json().encode() + b"\n")
    return statement


def read(file: Path, trust: Trust) -> Statement:
    """Read a receipt that the CA of the consumers answers for.

    Raises
    ------
    InputError
        If it is none, or damaged.
    VerificationFailed
        If it is not signed by the consumer it names.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read the receipt: {error.strerror}", file=file) from error
    lines = data.splitlines()
    if len(lines) != 2 or len(data) > MOST_BYTES:
        raise InputError("this is no receipt: it has two lines", file=file)
    line, proof = lines[0], said(_Proof, lines[1])
    signatory = trust.signatory(proof.certificates.encode(), Purpose.RECEIPT)
    try:
        signature = base64.b64decode(proof.signature, validate=True)
    except ValueError as error:
        raise InputError("the signature of the receipt is damaged", file=file) from error
    signatory.verify(hashlib.sha256(line).digest(), signature)
    statement = said(Statement, line)
    if statement.consumer != signatory.name:
        raise VerificationFailed(
            "the receipt is signed by somebody else than the consumer it names",
            receipt=statement.consumer,
            certificate=signatory.name,
        )
    return statement


def settle(statement: Statement, daemon: DaemonHere, appliance: str) -> tuple[int, int]:
    """Move the consumer's cursor to what a receipt says; returns it before and after.

    An older receipt than the cursor changes nothing.

    Raises
    ------
    ContractError
        If it is another appliance's.
    EpochChanged
        If it is of another journal.
    BadAcknowledgement
        If the court's chain is not this journal's.
    SpoolError, Fenced
        If the daemon is not there, or the consumer has come back meanwhile.
    """
    if statement.appliance != appliance:
        raise ContractError(
            "the receipt is another appliance's", receipt=statement.appliance, here=appliance
        )
    if statement.epoch != daemon.accounts.epoch:
        raise EpochChanged(
            "the receipt is of another journal: was the disk of this appliance replaced?",
            receipt=statement.epoch,
            here=daemon.accounts.epoch,
        )
    before = daemon.cursor().acknowledged
    after = daemon.acknowledge(statement.sequence, bytes.fromhex(statement.entry_hash))
    return before, after
