"""Export and import: a folder that came by bundle is the folder that would have been pulled."""

import json
import shutil
from dataclasses import replace

import pytest

from daemon.dossier import verifier
from daemon.errors import (
    ChainBroken,
    ConfigError,
    ContractError,
    EpochChanged,
    Fenced,
    InputError,
    SpoolError,
    SpoolFailed,
    VerificationFailed,
)
from daemon.page import Fate
from daemon.rpc import pages_pb2 as pb
from daemon.spool.journal import Amendment
from daemon.spool.standing import Change
from daemon.stream.bundle import seal
from daemon.stream.bundle.daemon_here import DaemonHere
from tests.court import CASE, OTHER_CASE, face, kept, stack
from tests.stream.bundle.village import Court

ALL = len(stack()) + 1  # a batch has an account of its own


def test_an_imported_folder_is_the_folder_that_would_have_been_pulled(
    village, court, file, files, rows, held
):
    village.feed(stack())
    exported = village.export(court, file)
    imported = court.bring_in(file)
    assert held(court.folder) == village.journal()
    assert (exported.entries, imported.pulled.entries) == (ALL, ALL)
    assert not verifier.verify(court.folder).found
    pulled = file.with_name("pulled")
    court.pull(village, pulled)
    assert files(court.folder) == files(pulled)
    assert len(files(pulled)) > 10
    assert rows(court.folder) == rows(pulled)


def test_an_export_acknowledges_nothing_and_leaves_no_other_file(village, court, file):
    village.feed(stack())
    village.export(court, file)
    assert village.cursor() == 0
    left = [path.name for path in file.parent.iterdir() if path.is_file()]
    assert sorted(left) == ["court.age", file.name]


def test_the_same_bundle_twice_changes_nothing(village, court, file, files, rows):
    village.feed(stack())
    village.export(court, file)
    court.bring_in(file)
    before = files(court.folder), rows(court.folder)
    again = court.bring_in(file)
    assert (again.pulled.entries, again.known, again.pulled.manifests) == (0, ALL, [])
    assert (files(court.folder), rows(court.folder)) == before


def test_of_bundles_that_overlap_only_what_is_new_is_taken(village, court, file, held):
    village.feed(stack())
    village.export(court, file)
    court.bring_in(file)
    village.feed(stack())
    later = file.with_name("later.bundle")
    village.export(court, later, after=5)
    imported = court.bring_in(later)
    assert (imported.pulled.entries, imported.known) == (ALL, ALL - 5)
    assert held(court.folder) == village.journal()
    assert not verifier.verify(court.folder).found


def test_an_older_bundle_brings_nothing_and_takes_no_newer_manifest(village, court, file, files):
    village.feed(stack())
    village.export(court, file)
    village.feed([kept(b"one more", page=9), kept(b"and its back", page=10)])
    later = file.with_name("later.bundle")
    village.export(court, later)
    court.bring_in(later)
    before = files(court.folder)
    assert court.bring_in(file).pulled.entries == 0
    assert files(court.folder) == before


def test_a_gap_is_named_and_nothing_is_taken(village, court, file, files, rows):
    village.feed(stack())
    village.export(court, file, after=7)
    with pytest.raises(ContractError, match=r"missing=1 to 7"):
        court.bring_in(file)
    assert files(court.folder) == {}
    assert rows(court.folder)["cursor"][0] == ""
    village.export(court, first := file.with_name("first.bundle"))
    court.bring_in(first)
    assert court.bring_in(file).known == ALL - 7


def test_a_bundle_and_then_the_network_fill_one_folder(village, court, file, held):
    village.feed(stack())
    village.export(court, file)
    court.bring_in(file)
    village.feed(stack())
    assert court.pull(village).entries == ALL
    assert held(court.folder) == village.journal()
    assert village.cursor() == 2 * ALL
    assert not verifier.verify(court.folder).found


def test_the_network_and_then_a_bundle_fill_one_folder(village, court, file, held):
    village.feed(stack())
    court.pull(village)
    village.feed(stack())
    exported = village.export(court, file)
    assert (exported.after_sequence, exported.last_sequence) == (ALL, 2 * ALL)
    assert court.bring_in(file).pulled.entries == ALL
    assert held(court.folder) == village.journal()
    assert not verifier.verify(court.folder).found


def test_an_export_does_not_shut_out_a_court_whose_clock_is_behind(village, court, file):
    village.feed(stack())
    village.export(court, file)
    village.ledger.claim_instance("court", 5)  # a puller started at that time, by its clock
    village.export(court, file.with_name("second.bundle"))
    village.ledger.claim_instance("court", 6)


def test_with_nothing_new_there_is_no_bundle(village, court, file):
    village.feed(stack())
    court.pull(village)
    with pytest.raises(ConfigError, match="nothing to export"):
        village.export(court, file)
    assert not file.exists()


def test_an_existing_file_is_never_overwritten(village, court, file):
    village.feed(stack())
    file.write_bytes(b"the bundle of last week")
    with pytest.raises(ConfigError, match="exists"):
        village.export(court, file)
    assert file.read_bytes() == b"the bundle of last week"


def test_without_a_daemon_the_export_says_so_and_leaves_nothing(village, court, file):
    village.feed(stack())
    village.server.stop(0)
    with pytest.raises(SpoolError, match="no daemon answers"):
        village.export(court, file)
    assert not list(file.parent.glob("*hall-1.bundle*"))


@pytest.fixture
def midway(monkeypatch):
    """Let something happen while a bundle is being written."""
    encrypt = seal.encrypt

    def do(action):
        def interrupted(pieces, opened, recipient):
            def watched():
                for number, piece in enumerate(pieces):
                    if number == 4:
                        action()
                    yield piece

            encrypt(watched(), opened, recipient)

        monkeypatch.setattr(seal, "encrypt", interrupted)

    return do


def many_pages(village):
    """Feed more than fits between daemon and export at one moment."""
    village.feed([kept(bytes([n]) * 400_000, page=n) for n in range(1, 41)])


def test_a_daemon_that_stops_midway_leaves_no_bundle(village, court, file, midway):
    many_pages(village)
    midway(lambda: village.server.stop(0))
    with pytest.raises(SpoolError, match=r"shutting down|went away"):
        village.export(court, file)
    assert not list(file.parent.glob("*hall-1.bundle*"))


def test_a_court_that_comes_back_midway_pulls_and_there_is_no_bundle(
    village, court, file, midway, held
):
    many_pages(village)
    midway(lambda: court.pull(village))
    with pytest.raises(Fenced, match="let it pull"):
        village.export(court, file)
    assert not list(file.parent.glob("*hall-1.bundle*"))
    assert held(court.folder) == village.journal()


def test_signs_of_life_of_the_daemon_are_not_carried(village, court, file, monkeypatch, held):
    village.feed(stack())
    pull = DaemonHere.pull

    def chatting(daemon, after_sequence):
        for message in pull(daemon, after_sequence):
            yield message
            if message.WhichOneof("event") != "blob_chunk" and message.entry.sequence != ALL:
                yield pb.PullResponse(heartbeat=pb.Heartbeat(last_sequence=ALL))

    monkeypatch.setattr(DaemonHere, "pull", chatting)
    village.export(court, file)
    court.bring_in(file)
    assert held(court.folder) == village.journal()


def test_a_folder_that_is_not_there_is_said(village, court, tmp_path):
    village.feed(stack())
    with pytest.raises(SpoolFailed, match="write the bundle"):
        village.export(court, tmp_path / "no-stick" / "a.bundle")


def test_a_consumer_without_the_right_gets_hashes_and_no_manifest(
    village, authority, file, tmp_path, files, held
):
    village.feed(stack())
    mirror = Court(tmp_path, authority, "mirror")
    exported = village.export(mirror, file, consumer="mirror")
    imported = mirror.bring_in(file)
    assert (exported.redacted, exported.manifests) == (imported.pulled.redacted, 0)
    assert imported.pulled.redacted > 0
    assert imported.pulled.without_manifest == [CASE.key, OTHER_CASE.key]
    assert held(mirror.folder) == village.journal()
    assert b"deliberation" not in files(mirror.folder).values()


def test_a_consumer_that_is_not_configured_is_refused(village, court, file):
    village.feed(stack())
    with pytest.raises(ConfigError, match="known=court, mirror"):
        village.export(court, file, consumer="nobody")


def test_corrections_and_the_bytes_behind_them_come_too(village, court, file, files, tmp_path):
    ids = village.feed(stack())
    blank = ids[9]
    village.export(court, file)
    court.bring_in(file)
    court.pull(village, tmp_path / "pulled")
    village.ledger.amend(
        blank, Change.RESTORE, {}, actor="court/li", request_id="r-1", reason="a stamp"
    )
    later = file.with_name("later.bundle")
    village.export(court, later, after=ALL)
    assert court.bring_in(later).pulled.entries == 1
    assert b"a bare back" in files(court.folder).values()
    assert not verifier.verify(court.folder).found
    court.pull(village, tmp_path / "pulled")
    assert files(court.folder) == files(tmp_path / "pulled")


def test_a_page_that_changed_its_case_brings_the_manifests_of_both(village, court, file, files):
    ids = village.feed(stack())
    village.export(court, file)
    court.bring_in(file)
    position = replace(
        village.ledger.face(ids[6]).position, case_number=OTHER_CASE.text, case_key=OTHER_CASE.key
    )
    change = Amendment(
        page_id=ids[6],
        change=Change.REKEY,
        values={"from_case_number": CASE.text, "to_case_number": OTHER_CASE.text},
        actor="court/li",
        request_id="r-2",
        reason="wrong case",
        recorded_at=village.clock(),
    )
    village.ledger.record(change, position)
    village.export(court, later := file.with_name("later.bundle"), after=ALL)
    assert court.bring_in(later).pulled.manifests == [CASE.key, OTHER_CASE.key]
    assert files(court.folder)[f"{OTHER_CASE.key}/main/{ids[6]}.jpg"] == b"evidence 1"
    assert not verifier.verify(court.folder).found


def test_a_journal_with_another_hash_algorithm_comes_as_well(make_village, court, file, held):
    village = make_village(algorithm="sm3")
    village.feed(stack())
    village.export(court, file)
    court.bring_in(file)
    assert held(court.folder) == village.journal()
    court.pull(village)
    assert not verifier.verify(court.folder).found


def test_bytes_that_are_damaged_at_the_appliance_are_named_and_the_rest_comes(
    village, court, file, files
):
    ids = village.feed(stack())
    village.server.stop(0.2)
    (path,) = (village.folder / "spool" / "pages").glob(f"{ids[6]}-page*")
    path.write_bytes(b"x" * path.stat().st_size)
    village.ledger.close()
    village.open()
    village.export(court, file)
    imported = court.bring_in(file)
    assert imported.pulled.damaged == [f"{ids[6]}-page"]
    assert b"evidence 1" not in files(court.folder).values()
    assert b"evidence 2" in files(court.folder).values()


def test_a_bundle_of_another_journal_is_not_put_into_this_folder(
    make_village, court, file, held, authority
):
    first, second = make_village(), make_village()
    first.feed(stack())
    second.feed(stack())
    first.export(court, file)
    court.bring_in(file)
    other = file.with_name("other.bundle")
    second.export(court, other)
    with pytest.raises(EpochChanged, match="another journal"):
        court.bring_in(other)
    assert held(court.folder) == first.journal()


def test_an_appliance_restored_from_an_older_copy_is_noticed(make_village, court, file, tmp_path):
    village = make_village()
    village.feed(stack())
    village.close()
    shutil.copytree(village.folder / "spool", tmp_path / "copy")
    village.open()
    village.feed(stack())
    village.export(court, file)
    court.bring_in(file)
    village.close()
    shutil.rmtree(village.folder / "spool")
    shutil.copytree(tmp_path / "copy", village.folder / "spool")
    village.open()
    village.feed([kept(bytes([n]), page=n) for n in range(1, 31)])
    later = file.with_name("later.bundle")
    village.export(court, later)
    with pytest.raises(ChainBroken, match="different stories"):
        court.bring_in(later)


def test_a_bundle_holds_no_readable_byte_of_a_case(village, court, file):
    village.feed(stack())
    village.export(court, file)
    data = file.read_bytes()
    for said in (CASE.text, CASE.key, "hall-1", "evidence 1", "-----BEGIN", village.ledger.epoch):
        assert said.encode() not in data


def test_a_batch_that_runs_costs_only_its_manifest(village, court, file, monkeypatch):
    village.feed(stack())
    ahead = json.dumps(
        {"head": {"case_key": CASE.key, "journal": {"sequence": ALL + 1, "entry_hash": ""}}}
    )
    monkeypatch.setattr(DaemonHere, "manifest", lambda *_: ahead.encode())
    exported = village.export(court, file)
    assert exported.without_manifest == [CASE.key, OTHER_CASE.key]
    assert court.bring_in(file).pulled.without_manifest == [CASE.key, OTHER_CASE.key]
    court.pull(village)
    assert not verifier.verify(court.folder).found


def test_a_face_without_bytes_comes_too(village, court, file):
    village.feed([face(Fate.LOST, None, case=None), face(Fate.LOST, None, case=None)])
    village.export(court, file)
    assert court.bring_in(file).pulled.files == 0


def test_what_is_no_file_is_refused(court, tmp_path):
    with pytest.raises(InputError, match="cannot read the bundle"):
        court.bring_in(tmp_path / "nothing.bundle")
    (tmp_path / "letter.bundle").write_bytes(b"Dear court, " * 100)
    with pytest.raises(InputError, match="no bundle"):
        court.bring_in(tmp_path / "letter.bundle")


def test_another_consumers_folder_or_certificate_is_refused(
    village, court, file, tmp_path, authority
):
    village.feed(stack())
    village.export(court, file)
    with pytest.raises(ConfigError, match="another consumer's"):
        court.bring_in(file, consumer="mirror")
    court.bring_in(file, folder=tmp_path / "mine")
    with pytest.raises(ConfigError, match="another consumer"):
        court.bring_in(file, folder=tmp_path / "mine", consumer="mirror")


def test_a_broken_signature_in_front_leaves_the_folder_unbound(village, court, file, stranger):
    village.feed(stack())
    village.export(court, file)
    with pytest.raises(VerificationFailed, match="not from the CA"):
        court.bring_in(file, authority=stranger)
    assert court.bring_in(file).pulled.entries == ALL
