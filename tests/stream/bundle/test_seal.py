"""Encryption: only the right key opens a bundle, and nothing that was changed is handed on."""

import io
import random

import pyrage
import pytest

from daemon.errors import ConfigError, InputError, SpoolFailed
from daemon.stream.bundle import seal


@pytest.fixture
def identity(tmp_path):
    file = tmp_path / "court.age"
    file.write_text(seal.new_identity()[0])
    return seal.read_identity(file)


def sealed(identity, *pieces, tmp_path):
    file = tmp_path / "sealed"
    with file.open("wb") as opened:
        seal.encrypt(iter(pieces), opened, identity.recipient)
    return file.read_bytes()


def opened(data, identity):
    taken = []
    seal.decrypt(io.BytesIO(data), taken.append, identity)
    return b"".join(taken)


def test_pieces_of_any_size_come_back_as_the_same_bytes(identity, tmp_path):
    rng = random.Random(1)
    pieces = [rng.randbytes(size) for size in (1, 0, 70_000, 65_536, 8192, 300_000, 3)]
    data = sealed(identity, *pieces, tmp_path=tmp_path)
    assert opened(data, identity) == b"".join(pieces)


def test_any_tool_of_the_same_format_reads_it(identity, tmp_path):
    data = sealed(identity, b"the case", tmp_path=tmp_path)
    assert data.startswith(b"age-encryption.org/v1\n-> X25519 ")
    assert pyrage.decrypt(data, [identity.secret]) == b"the case"


def test_another_key_does_not_open_it(identity, tmp_path):
    data = sealed(identity, b"the case", tmp_path=tmp_path)
    (tmp_path / "other").write_text(seal.new_identity()[0])
    with pytest.raises(InputError, match="for another key"):
        opened(data, seal.read_identity(tmp_path / "other"))


def test_wherever_it_is_cut_short_that_is_noticed(identity, tmp_path):
    data = sealed(identity, b"x" * 200_000, tmp_path=tmp_path)
    rng = random.Random(2)
    piece = 64 * 1024 + 16
    begin = len(data) - (200_000 + 4 * 16)
    cuts = {0, 1, begin, begin + piece, begin + 2 * piece, len(data) - 1}
    for cut in cuts | {rng.randrange(len(data)) for _ in range(60)}:
        with pytest.raises(InputError):
            opened(data[:cut], identity)


def test_whichever_byte_is_changed_nothing_behind_it_is_handed_on(identity, tmp_path):
    plain = random.Random(3).randbytes(200_000)
    data = sealed(identity, plain, tmp_path=tmp_path)
    rng = random.Random(4)
    for place in [*range(0, 220, 3), *(rng.randrange(len(data)) for _ in range(60))]:
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        taken = []
        with pytest.raises(InputError):
            seal.decrypt(io.BytesIO(changed), taken.append, identity)
        got = b"".join(taken)
        assert plain.startswith(got)
        assert len(got) <= place


@pytest.mark.parametrize("failure", [SpoolFailed("gone"), KeyboardInterrupt(), ZeroDivisionError()])
def test_what_stops_the_source_or_the_taker_comes_through_as_it_is(identity, tmp_path, failure):
    def source():
        yield b"x" * 100_000
        raise failure

    def taker(_):
        raise failure

    with pytest.raises(type(failure)) as caught:
        sealed(identity, *[], tmp_path=tmp_path)
        with (tmp_path / "f").open("wb") as file:
            seal.encrypt(source(), file, identity.recipient)
    assert caught.value is failure
    data = sealed(identity, b"x", tmp_path=tmp_path)
    with pytest.raises(type(failure)) as caught:
        seal.decrypt(io.BytesIO(data), taker, identity)
    assert caught.value is failure


def test_a_full_medium_is_said(identity):
    with (
        pytest.raises(SpoolFailed, match="No space left"),
        open("/dev/full", "wb", buffering=0) as full,  # noqa: PTH123
    ):
        seal.encrypt(iter([b"x" * 1_000_000]), full, identity.recipient)


def test_a_key_file_has_the_form_of_ages_own_tools(tmp_path):
    text, recipient = seal.new_identity()
    assert text.splitlines()[0] == f"# public key: {recipient}"
    assert text.splitlines()[1].startswith("AGE-SECRET-KEY-1")
    (tmp_path / "key").write_text(f"# created: today\n\n{text}\n")
    assert seal.read_identity(tmp_path / "key").recipient == recipient


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no key for bundles"),
        (seal.new_identity()[0] + seal.new_identity()[0], "no key for bundles"),
        ("AGE-SECRET-KEY-1QQQQ", "damaged"),
        ("\udcff", "cannot read"),
    ],
)
def test_what_is_no_single_key_is_refused(tmp_path, text, said):
    (tmp_path / "key").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=said):
        seal.read_identity(tmp_path / "key")


@pytest.mark.parametrize("text", ["", "age1", "AGE-SECRET-KEY-1QQQQ", "court@example"])
def test_what_is_no_recipient_is_refused_before_anything_is_written(text):
    with pytest.raises(ConfigError, match="no recipient"):
        seal.check_recipient(text)
