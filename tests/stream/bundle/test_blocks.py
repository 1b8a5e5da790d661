"""The bytes inside the encryption: what its maker did not sign in its place is not handed on."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import InputError, VerificationFailed
from daemon.stream.bundle import blocks
from daemon.stream.bundle.blocks import Header, Kind, Opening, Record, Unpacker, pack
from daemon.stream.bundle.sign import Signer, Trust
from tests.stream.bundle import pki


@pytest.fixture(scope="session")
def signer(authority, tmp_path_factory):
    leaf = pki.certify(pki.EC, authority.name, authority.key)
    return Signer.read(*pki.pair(tmp_path_factory.mktemp("pair"), pki.EC, leaf))


@pytest.fixture(scope="session")
def trust(authority):
    return Trust(authority.file)


def header(signer, **rest):
    return Header(
        **{
            "appliance": "hall-1",
            "epoch": "e",
            "chain_algorithm": "sha256",
            "consumer": "court",
            "recipient": "age1",
            "after_sequence": 0,
            "last_sequence": 9,
            "made_at": "2026-01-05T09:00:00+00:00",
            "certificates": signer.certificates_pem.decode(),
        }
        | rest
    )


def cut(data):
    """Cut a packed bundle into its magic and its blocks."""
    pieces, at = [data[: len(blocks.MAGIC)]], len(blocks.MAGIC)
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        (signature,) = struct.unpack_from(">H", data, at + 4 + size)
        pieces.append(data[at : at + 6 + size + signature])
        at += 6 + size + signature
    return pieces


def taken(data, trust, step=1 << 20):
    """Everything that was handed on, and the error that ended it."""
    unpacker, items = Unpacker(trust), []
    try:
        for at in range(0, len(data), step):
            items += unpacker.take(data[at : at + step])
    except (InputError, VerificationFailed) as error:
        return items, error
    return items, None


@pytest.fixture
def small(monkeypatch):
    """Blocks of 100 bytes, so that a few records make several."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)


RECORDS = [Record(Kind.MESSAGE, bytes([n]) * 60) for n in range(10)]


def test_records_come_back_in_order_behind_the_header(signer, trust, small):
    data = b"".join(pack(header(signer), RECORDS, signer))
    items, error = taken(data, trust)
    assert error is None
    assert isinstance(items[0], Opening)
    assert items[0].header == header(signer)
    assert items[0].signatory.name == "hall-1"
    assert items[1:] == RECORDS
    assert len(cut(data)) == 2 + 5


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(0, 300), max_size=12),
    kinds=st.lists(st.sampled_from(Kind), min_size=12, max_size=12),
    step=st.integers(1, 400),
)
def test_however_the_bytes_are_cut_the_same_records_come(signer, trust, sizes, kinds, step):
    records = [Record(kind, b"x" * size) for kind, size in zip(kinds, sizes, strict=False)]
    data = b"".join(pack(header(signer), records, signer))
    assert taken(data, trust, step)[0][1:] == records


def test_nothing_of_a_changed_block_is_handed_on_nor_of_those_behind_it(signer, trust, small):
    data = b"".join(pack(header(signer), RECORDS, signer))
    pieces = cut(data)
    for number in range(2, len(pieces)):
        (size,) = struct.unpack_from(">I", pieces[number])
        length = (4 + size, 5 + size)
        for place in range(4, len(pieces[number]), 3):
            changed = bytearray(pieces[number])
            changed[place] ^= 0x40
            items, error = taken(
                b"".join([*pieces[:number], bytes(changed), *pieces[number + 1 :]]), trust
            )
            assert items[1:] == RECORDS[: 2 * (number - 2)]
            assert error is not None or place in length  # a longer signature: it is waited for


def test_a_changed_header_is_not_handed_on(signer, trust):
    pieces = cut(b"".join(pack(header(signer), RECORDS, signer)))
    for changed in (
        pieces[1].replace(b"hall-1", b"hall-2"),
        pieces[1].replace(b'"last_sequence":9', b'"last_sequence":8'),
        pieces[1][:-1] + bytes([pieces[1][-1] ^ 1]),
    ):
        items, error = taken(b"".join([pieces[0], changed, *pieces[2:]]), trust)
        assert items == []
        assert isinstance(error, VerificationFailed)


def test_no_block_can_be_left_out_come_twice_or_in_another_place(signer, trust, small):
    pieces = cut(b"".join(pack(header(signer), RECORDS, signer)))
    first, second, third = pieces[2:5]
    for order in ([second, third], [first, first], [second, first], [first, third]):
        items, error = taken(b"".join([*pieces[:2], *order]), trust)
        assert items[1:] in ([], RECORDS[:2])
        assert isinstance(error, VerificationFailed)


def test_no_block_can_come_from_another_bundle_of_the_same_appliance(signer, trust, small):
    ours = cut(b"".join(pack(header(signer), RECORDS, signer)))
    theirs = cut(b"".join(pack(header(signer, last_sequence=10), RECORDS, signer)))
    items, error = taken(b"".join([*ours[:2], theirs[2]]), trust)
    assert items[1:] == []
    assert isinstance(error, VerificationFailed)


def test_a_strangers_header_is_refused_before_any_record(signer, stranger, trust, tmp_path):
    leaf = pki.certify(pki.EC, stranger.name, stranger.key)
    theirs = Signer.read(*pki.pair(tmp_path, pki.EC, leaf))
    items, error = taken(b"".join(pack(header(theirs), RECORDS, theirs)), trust)
    assert items == []
    assert "not from the CA" in str(error)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\3\4 an archive", "no bundle of ours"),
        (b"suian bundle 2\r\n", "no bundle of ours"),
        (blocks.MAGIC + b"\xff\xff\xff\xff", "too large"),
        (blocks.MAGIC + struct.pack(">I", 2) + b"{}" + bytes(3), "cannot be understood"),
        (blocks.MAGIC + struct.pack(">I", 3) + b"\xff{}" + bytes(3), "cannot be understood"),
    ],
)
def test_what_is_no_bundle_is_refused_at_once(trust, data, said):
    items, error = taken(data, trust)
    assert items == []
    assert isinstance(error, InputError)
    assert said in str(error)


def test_a_header_of_a_newer_version_says_so(signer, trust):
    newer = header(signer).model_copy(update={"format": "suian.bundle/2"})
    assert "newer version" in str(taken(b"".join(pack(newer, RECORDS, signer)), trust)[1])


def test_a_block_that_would_fill_the_memory_is_refused_before_it_comes(signer, trust):
    data = b"".join(pack(header(signer), [], signer))
    huge = struct.pack(">I", blocks.MOST_BLOCK_BYTES + 1)
    assert "too large" in str(taken(data + huge, trust)[1])


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"\x09\0\0\0\0", "kind this version does not know"),
        (b"\x01\0\0", "kind this version does not know"),
        (b"\x01\0\0\0\x09short", "cut short by its maker"),
    ],
)
def test_signed_nonsense_is_refused_as_well(signer, trust, monkeypatch, payload, said):
    monkeypatch.setattr(blocks, "_payloads", lambda _: [payload])
    items, error = taken(b"".join(pack(header(signer), [], signer)), trust)
    assert items[1:] == []
    assert isinstance(error, InputError)
    assert said in str(error)


def test_packing_holds_one_block_at_a_time(signer, small):
    asked = []

    def records():
        for number in range(100):
            asked.append(number)
            yield Record(Kind.MESSAGE, b"x" * 60)

    seen = [len(asked) for _ in pack(header(signer), records(), signer)]
    assert all(after - before <= 2 for before, after in pairwise(seen))
    assert seen[-1] == 100
