"""Receipts: only the consumer's own word for this very journal moves its cursor."""

import base64
import hashlib
import json

import pytest

from daemon.errors import (
    BadAcknowledgement,
    ContractError,
    EpochChanged,
    InputError,
    SpoolError,
    VerificationFailed,
)
from daemon.spool.chain import Chain
from daemon.spool.retention import Retention
from daemon.stream.bundle import receipt
from daemon.stream.bundle.sign import Purpose, Signer, Trust
from daemon.stream.court.received import Cursor
from tests.court import stack
from tests.stream.bundle import pki
from tests.stream.bundle.village import Court

ALL = len(stack()) + 1
HOLD_S = 3600.0


@pytest.fixture
def given(village, court, file):
    """A receipt for everything."""
    village.feed(stack())
    village.export(court, file)
    return court.receipt(court.bring_in(file).cursor)


def signed(file, signer, cursor):
    receipt.write(file, cursor, signer)
    return file


def cursor_of(village, sequence=ALL, **rest):
    facts = {
        "epoch": village.ledger.epoch,
        "sequence": sequence,
        "entry_hash": village.ledger.entry_hash(sequence),
        "chain": Chain(),
        "consumer": "court",
        "appliance": "hall-1",
    }
    return Cursor(**facts | rest)


def test_the_receipt_moves_the_cursor_and_then_the_space_comes_back(village, given):
    retention = Retention(village.ledger, HOLD_S)
    before = village.kept_files()
    village.clock.now += 10 * 86_400
    assert retention.sweep(village.clock()) == 0
    assert village.settle(given) == (0, ALL)
    assert village.cursor() == ALL
    assert retention.sweep(village.clock()) == 0  # the hold begins with the receipt
    village.clock.now += HOLD_S + 1
    assert retention.sweep(village.clock()) > 0
    left = village.kept_files()
    assert len(left) < len(before)
    assert all("evidence" in name for name in left)


def test_the_same_receipt_again_and_an_older_one_change_nothing(village, given, court):
    older = signed(
        given.with_name("older"),
        Signer.read(court.certificate, court.key),
        cursor_of(village, 5),
    )
    assert village.settle(older) == (0, 5)
    assert village.settle(given) == (5, ALL)
    assert village.settle(given) == (ALL, ALL)
    assert village.settle(older) == (ALL, ALL)


def test_a_receipt_says_nothing_of_a_case(given):
    statement, proof = given.read_text().splitlines()
    assert set(json.loads(statement)) == {
        "format", "appliance", "epoch", "consumer", "sequence", "entry_hash", "received_at",
    }  # fmt: skip
    assert set(json.loads(proof)) == {"certificates", "signature"}


def test_whatever_is_changed_in_a_receipt_it_no_longer_counts(village, given):
    statement, proof = given.read_bytes().splitlines()
    said = json.loads(statement)
    for name, value in (
        ("sequence", 5),
        ("entry_hash", "00" * 32),
        ("epoch", "x"),
        ("consumer", "mirror"),
    ):
        changed = json.dumps(said | {name: value}, separators=(",", ":")).encode()
        given.write_bytes(changed + b"\n" + proof + b"\n")
        with pytest.raises(VerificationFailed, match="signature is wrong"):
            village.settle(given)
    assert village.cursor() == 0


def test_a_stranger_another_consumer_and_a_server_cannot_sign_it(
    village, given, authority, stranger, tmp_path
):
    everything = cursor_of(village)
    server = pki.certify(pki.EC, authority.name, authority.key, pki.SERVER, subject="court")
    signers = {
        "not from the CA": Signer.read(*stranger.issue("court")),
        "somebody else than the consumer": Signer.read(*authority.issue("mirror")),
        "not for this": Signer.read(*pki.pair(tmp_path, pki.EC, server)),
    }
    for said, signer in signers.items():
        with pytest.raises(VerificationFailed, match=said):
            village.settle(signed(given, signer, everything))
    assert village.cursor() == 0


def test_a_receipt_for_another_appliance_or_journal_is_refused(village, given, court):
    ours = Signer.read(court.certificate, court.key)
    with pytest.raises(ContractError, match="another appliance's"):
        village.settle(signed(given, ours, cursor_of(village, appliance="hall-2")))
    with pytest.raises(EpochChanged, match="another journal"):
        village.settle(signed(given, ours, cursor_of(village, epoch="0" * 36)))
    with pytest.raises(BadAcknowledgement, match="chain is not the one"):
        village.settle(signed(given, ours, cursor_of(village, entry_hash=bytes(32))))
    assert village.cursor() == 0


def test_a_receipt_ahead_of_the_journal_is_refused(village, given, court):
    ours = Signer.read(court.certificate, court.key)
    ahead = Cursor(village.ledger.epoch, ALL + 9, bytes(32), Chain(), "court", "hall-1")
    with pytest.raises(ContractError, match="ahead"):
        village.settle(signed(given, ours, ahead))


def test_the_consumers_receipts_move_their_own_cursor_only(village, given, authority, tmp_path):
    mirror = Court(tmp_path, authority, "mirror")
    file = signed(
        mirror.receipt_file,
        Signer.read(mirror.certificate, mirror.key),
        cursor_of(village, consumer="mirror"),
    )
    village.settle(file)
    assert (village.cursor("mirror"), village.cursor("court")) == (ALL, 0)


def test_a_court_that_pulled_more_meanwhile_is_not_set_back(village, given, court):
    village.feed(stack())
    court.pull(village)
    assert village.settle(given) == (2 * ALL, 2 * ALL)


def test_without_a_daemon_the_receipt_waits(village, given):
    village.server.stop(0)
    with pytest.raises(SpoolError, match="no daemon answers"):
        village.settle(given)


def test_what_is_no_receipt_is_refused(village, given, tmp_path):
    trust = Trust(village.keys / "clients-ca.pem")
    statement, proof = given.read_bytes().splitlines()
    unsigned = json.dumps(json.loads(proof) | {"signature": "%"}).encode()
    for data, said in (
        (b"", "two lines"),
        (statement, "two lines"),
        (statement + b"\n" + proof + b"\n" + statement, "two lines"),
        (statement + b"\n{}\n", "cannot be understood"),
        (statement + b"\n" + unsigned, "signature of the receipt is damaged"),
        (b"\n" * 300_000, "two lines"),
    ):
        given.write_bytes(data)
        with pytest.raises(InputError, match=said):
            receipt.read(given, trust)
    with pytest.raises(InputError, match="cannot read"):
        receipt.read(tmp_path / "nothing", trust)


def test_a_signed_statement_that_is_none_is_refused(village, given, court):
    ours = Signer.read(court.certificate, court.key)
    line = b'{"format":"suian.receipt/2"}'
    proof = {
        "certificates": ours.certificates_pem.decode(),
        "signature": base64.b64encode(
            ours.sign(Purpose.RECEIPT, hashlib.sha256(line).digest())
        ).decode(),
    }
    given.write_bytes(line + b"\n" + json.dumps(proof).encode())
    with pytest.raises(InputError, match="newer version"):
        village.settle(given)
