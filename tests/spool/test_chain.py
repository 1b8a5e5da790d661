"""The chain in both algorithms, against vectors and an implementation that is not ours."""

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes

from daemon.errors import ConfigError
from daemon.spool.chain import ALGORITHMS, Chain

# GB/T 32905-2016, A.1; FIPS 180-4
VECTORS = {
    "sm3": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
}
FOREIGN = {"sm3": hashes.SM3, "sha256": hashes.SHA256}


def foreign(algorithm, *parts):
    digest = hashes.Hash(FOREIGN[algorithm]())
    for part in parts:
        digest.update(part)
    return digest.finalize()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_digests_are_those_of_the_standard(algorithm):
    chain = Chain(algorithm)
    assert chain.digest(b"abc").hex() == VECTORS[algorithm]
    assert chain.first("e") == foreign(algorithm, b"e")
    assert chain.next(b"\0" * 32, b"\1" * 32) == foreign(algorithm, b"\0" * 32, b"\1" * 32)


def test_an_unknown_algorithm_says_what_to_do():
    with pytest.raises(ConfigError, match="update it first"):
        Chain("md5")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_journal_is_chained_with_the_algorithm_it_was_made_with(desk, algorithm):
    ledger = desk.open(chain=Chain(algorithm))
    desk.sheet(ledger, ledger.open_batch(virtual=False).number)
    prev = foreign(algorithm, ledger.epoch.encode())
    for entry in ledger.entries_after(0, 9):
        assert entry.record_hash == foreign(algorithm, entry.record)
        prev = foreign(algorithm, prev, entry.record_hash)
        assert entry.entry_hash == prev
    assert ledger.verify_chain() == 2
    assert ledger.chain == Chain(algorithm)


def test_page_bytes_are_named_by_sha256_in_every_journal(desk):
    ledger = desk.open(chain=Chain("sm3"))
    front, _ = desk.sheet(ledger, ledger.open_batch(virtual=False).number, b"one", b"two")
    (ref,) = ledger.face(front).blobs
    assert ref.sha256 == hashlib.sha256(b"one").digest()


def test_a_journal_keeps_its_algorithm(desk):
    ledger = desk.open(chain=Chain("sm3"))
    desk.sheet(ledger, ledger.open_batch(virtual=False).number)
    epoch = ledger.epoch
    desk.close()
    with pytest.raises(ConfigError, match="keeps its hash algorithm"):
        desk.open()
    assert desk.open(chain=Chain("sm3")).epoch == epoch
