"""Bundles that are damaged, forged, passed on or signed by the wrong one: a clear error each."""

import random

import pytest

from daemon.errors import (
    ChainBroken,
    ContractError,
    EpochChanged,
    InputError,
    VerificationFailed,
)
from daemon.rpc import pages_pb2 as pb
from daemon.stream.bundle import blocks, seal
from daemon.stream.bundle.blocks import End, Header, Kind, Opening, Record, Unpacker, pack
from daemon.stream.bundle.sign import Signer, Trust
from tests.court import kept, stack
from tests.stream.bundle.village import Court

ALL = len(stack()) + 1


@pytest.fixture
def exported(village, court, file, monkeypatch):
    """A bundle of several blocks."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2000)
    village.feed(stack())
    village.feed([kept(random.Random(n).randbytes(30_000), page=n) for n in range(1, 21)])
    village.export(court, file)
    return file


def plain(file, identity):
    taken = []
    with file.open("rb") as opened:
        seal.decrypt(opened, taken.append, identity)
    return b"".join(taken)


def sealed(file, data, recipient):
    with file.open("wb") as opened:
        seal.encrypt([data], opened, recipient)
    return file


class Forger:
    """Somebody who holds the appliance's key, or another one, and rewrites a bundle."""

    def __init__(self, village, court, file):
        self.court = court
        self.file = file
        self.signer = Signer.read(village.keys / "server.pem", village.keys / "server.key")
        items = Unpacker(Trust(court.authority.file)).take(plain(file, court.identity))
        self.header, *self.records = (
            item.header if isinstance(item, Opening) else item for item in items
        )

    def write(self, *, records=None, signer=None, recipient=None, **header):
        signer = signer or self.signer
        pem = signer.certificates_pem.decode()
        said = Header(**self.header.model_dump() | {"certificates": pem} | header)
        data = b"".join(pack(said, self.records if records is None else records, signer))
        forged = self.file.with_name("forged.bundle")
        return sealed(forged, data, recipient or self.court.identity.recipient)


@pytest.fixture
def forger(village, court, exported):
    return Forger(village, court, exported)


def test_the_forger_of_these_tests_can_write_a_good_bundle(forger, court, village, held):
    court.bring_in(forger.write())
    assert held(court.folder) == village.journal()


# -- damaged on its way -----------------------------------------------------------------------


def test_of_a_bundle_that_is_cut_short_the_whole_beginning_is_kept(village, court, exported, held):
    data = exported.read_bytes()
    rng = random.Random(5)
    broken = exported.with_name("broken.bundle")
    kept_before = 0
    for cut in sorted({10, len(data) - 1, *(rng.randrange(len(data)) for _ in range(12))}):
        broken.write_bytes(data[:cut])
        with pytest.raises(InputError):
            court.bring_in(broken)
        journal = village.journal()[: len(held(court.folder))]
        assert held(court.folder) == journal
        assert len(journal) >= kept_before
        kept_before = len(journal)
    assert kept_before > 0
    court.bring_in(exported)
    assert held(court.folder) == village.journal()


def test_a_changed_byte_is_noticed_and_the_error_says_what_is_kept(village, court, exported, held):
    data = bytearray(exported.read_bytes())
    data[len(data) // 2] ^= 1
    broken = exported.with_name("broken.bundle")
    broken.write_bytes(data)
    with pytest.raises(InputError, match="cut short or was changed") as caught:
        court.bring_in(broken)
    assert caught.value.facts["folder_holds_to"] == len(held(court.folder)) > 0
    assert held(court.folder) == village.journal()[: len(held(court.folder))]


def test_a_bundle_that_its_maker_cut_short_is_not_whole(forger, court, village, held):
    with pytest.raises(InputError, match="cut short"):
        court.bring_in(forger.write(records=forger.records[:-1]))
    messages = [r for r in forger.records if r.kind is Kind.MESSAGE]
    with pytest.raises(InputError, match="what its end says"):
        court.bring_in(forger.write(records=[*messages[:20], forger.records[-1]]))
    assert held(court.folder) == village.journal()


# -- by whom ----------------------------------------------------------------------------------


def test_another_ca_is_refused_before_anything_is_taken(exported, court, stranger, files):
    with pytest.raises(VerificationFailed, match="not from the CA"):
        court.bring_in(exported, authority=stranger)
    assert files(court.folder) == {}


def test_a_consumers_certificate_cannot_sign_for_an_appliance(forger, court, authority):
    for name in ("court", "mirror"):
        signer = Signer.read(*authority.issue(name))
        with pytest.raises(VerificationFailed, match="not signed by the appliance"):
            court.bring_in(forger.write(signer=signer))


def test_another_appliance_of_the_same_court_cannot_sign_for_this_one(forger, court, authority):
    signer = Signer.read(*authority.issue("hall-2", addresses=["127.0.0.1"]))
    with pytest.raises(VerificationFailed, match=r"certificate=127\.0\.0\.1, hall-2"):
        court.bring_in(forger.write(signer=signer))


def test_another_appliance_cannot_continue_this_ones_folder_in_its_own_name(
    forger, court, authority, village, held
):
    court.bring_in(forger.file)
    signer = Signer.read(*authority.issue("hall-2"))
    forged = forger.write(signer=signer, appliance="hall-2")
    with pytest.raises(EpochChanged, match="another appliance"):
        court.bring_in(forged)
    assert held(court.folder) == village.journal()


def test_a_certificate_by_another_name_counts_when_the_court_expects_it(
    village, court, file, authority
):
    village.certify(authority, "scanner.court.example")
    village.feed(stack())
    village.export(court, file)
    with pytest.raises(VerificationFailed, match="--signer"):
        court.bring_in(file)
    with pytest.raises(VerificationFailed, match="not signed by"):
        court.bring_in(file, signer="hall-1")
    assert court.bring_in(file, signer="scanner.court.example").pulled.entries == ALL


def test_an_expired_certificate_costs_a_new_export_and_nothing_else(
    village, court, file, authority, held
):
    village.feed(stack())
    village.certify(authority, "hall-1", valid_s=(-7200, -60))
    village.export(court, file)
    with pytest.raises(VerificationFailed, match="renew"):
        court.bring_in(file)
    village.certify(authority, "hall-1")
    village.export(court, again := file.with_name("again.bundle"))
    court.bring_in(again)
    assert held(court.folder) == village.journal()


# -- for whom ---------------------------------------------------------------------------------


def test_another_courts_key_does_not_open_it(exported, tmp_path, authority):
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Court(tmp_path / "elsewhere", authority)
    with pytest.raises(InputError, match="for another key"):
        elsewhere.bring_in(exported)


def test_a_court_cannot_pass_a_bundle_on_as_if_made_for_another(
    exported, court, tmp_path, authority, files
):
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Court(tmp_path / "elsewhere", authority)
    passed_on = exported.with_name("passed-on.bundle")
    sealed(passed_on, plain(exported, court.identity), elsewhere.identity.recipient)
    with pytest.raises(VerificationFailed, match="passed on"):
        elsewhere.bring_in(passed_on)
    assert files(elsewhere.folder) == {}


# -- what even the right signer may not say ------------------------------------------------------


def entry_records(records):
    """Index and message of every entry."""
    for at, record in enumerate(records):
        if record.kind is Kind.MESSAGE:
            message = pb.PullResponse.FromString(record.content)
            if message.WhichOneof("event") == "entry":
                yield at, message


def test_a_signed_bundle_is_checked_like_a_stream(forger, court, village, held):
    (first, message), (second, _), *_ = entry_records(forger.records)
    message.entry.record += b"\x00"
    changed = [*forger.records]
    changed[first] = Record(Kind.MESSAGE, message.SerializeToString())
    with pytest.raises(ChainBroken, match="hash chain"):
        court.bring_in(forger.write(records=changed))
    without = [*forger.records[:second], *forger.records[second + 1 :]]
    with pytest.raises(ChainBroken):
        court.bring_in(forger.write(records=without))
    assert held(court.folder) == village.journal()[: len(held(court.folder))]


def test_bytes_of_a_page_that_are_not_its_own_are_refused(forger, court, files):
    records = []
    for record in forger.records:
        if record.kind is Kind.MESSAGE and b"evidence 2" in record.content:
            message = pb.PullResponse.FromString(record.content)
            message.blob_chunk.data = b"evidence X"
            record = Record(Kind.MESSAGE, message.SerializeToString())  # noqa: PLW2901
        records.append(record)
    assert records != forger.records
    with pytest.raises(ChainBroken, match="not those its record names"):
        court.bring_in(forger.write(records=records))
    assert b"evidence X" not in files(court.folder).values()


def test_a_header_that_contradicts_its_stream_is_refused(forger, court):
    wrong = {"epoch": "another", "chain_algorithm": "sm3"}
    for name, value in wrong.items():
        with pytest.raises(InputError, match="not the one its header names"):
            court.bring_in(forger.write(**{name: value}), folder=court.folder / name)


def test_a_header_that_promises_other_entries_is_refused(forger, court):
    for name, step in (("last_sequence", 1), ("last_sequence", -1)):
        promised = getattr(forger.header, name) + step
        with pytest.raises(InputError, match="what its end says"):
            court.bring_in(forger.write(**{name: promised}))


def test_a_stream_without_its_opening_or_with_a_heartbeat_is_refused(forger, court):
    with pytest.raises(InputError, match="begin with its opening"):
        court.bring_in(forger.write(records=forger.records[1:]))
    beat = pb.PullResponse(heartbeat=pb.Heartbeat(last_sequence=1))
    strange = Record(Kind.MESSAGE, beat.SerializeToString())
    for record, said in ((strange, "no export writes"), (Record(Kind.MESSAGE, b"\xff"), "read")):
        with pytest.raises(InputError, match=said):
            court.bring_in(forger.write(records=[record, *forger.records]))


def test_nothing_may_stand_behind_the_end(forger, court):
    with pytest.raises(InputError, match="behind its end"):
        court.bring_in(forger.write(records=[*forger.records, forger.records[0]]))
    end = End(entries=1, manifests=0, entry_hash="00")
    with pytest.raises(InputError, match="what its end says"):
        court.bring_in(
            forger.write(
                records=[*forger.records[:-1], Record(Kind.END, end.model_dump_json().encode())]
            ),
            folder=court.folder / "new",
        )


def with_manifest(forger, content):
    """The records with another first manifest."""
    first = next(r for r in forger.records if r.kind is Kind.MANIFEST)
    return [Record(Kind.MANIFEST, content) if r is first else r for r in forger.records]


def test_what_is_no_manifest_is_not_written(forger, court, files):
    with pytest.raises(ContractError, match="should be a manifest is none"):
        court.bring_in(forger.write(records=with_manifest(forger, b"<html>")))
    assert b"<html>" not in files(court.folder).values()


@pytest.mark.parametrize("name", ["../../", "/", "another-"])
def test_a_manifest_of_a_case_that_did_not_come_is_not_written(forger, court, name):
    first = next(r for r in forger.records if r.kind is Kind.MANIFEST).content
    strange = first.replace(b'"case_key":"', b'"case_key":"' + name.encode(), 1)
    imported = court.bring_in(forger.write(records=with_manifest(forger, strange)))
    assert len(imported.pulled.manifests) == len(imported.pulled.without_manifest) == 1
    written = [path for path in court.folder.parent.rglob("*") if path.is_file()]
    assert all(path.read_bytes() != strange for path in written)


def test_nothing_is_imported_from_a_bundle_that_is_none_inside(court, file, files):
    sealed(file, b"just a letter", court.identity.recipient)
    with pytest.raises(InputError, match="no bundle of ours"):
        court.bring_in(file)
    assert files(court.folder) == {}
