"""The scrub reads every file again, and damage is told to the journal once."""

import pytest

from daemon.page import Blob, Fate, Role, Side
from daemon.spool.damage import Damage
from daemon.spool.scrub import Scrub
from daemon.spool.standing import Standing


@pytest.fixture
def faces(ledger, desk):
    ids = desk.sheet(ledger, ledger.open_batch(virtual=False).number, b"front", b"back")
    ledger.add_blob(ids[0], Blob(Role.RAW, "application/x-raw", b"raster"))
    return ids


class Reads(list):
    def __call__(self, size_bytes, whole):
        self.append((size_bytes, whole))


def damage(desk, name):
    (desk.directory / "pages" / name).write_bytes(b"flipped")


def one_pass(scrub):
    while scrub.turn():
        pass


def test_every_file_is_read_once_a_pass(ledger, faces):
    reads = Reads()
    scrub = Scrub(ledger, Damage(ledger), reads)
    one_pass(scrub)
    assert sorted(reads) == [(4, True), (5, True), (6, True)]
    one_pass(scrub)
    assert len(reads) == 6


def test_a_damaged_page_is_quarantined_once_and_keeps_its_bytes(ledger, desk, faces):
    front, back = faces
    damage(desk, f"{front}-page")
    reads = Reads()
    scrub = Scrub(ledger, Damage(ledger), reads)
    one_pass(scrub)
    one_pass(scrub)
    face = ledger.face(front)
    assert (face.standing, face.undecided) == (Standing.QUARANTINED, True)
    assert [(c.change, c.values) for c in face.changes] == [("quarantine", {"role": "page"})]
    assert reads.count((5, False)) == 2
    assert ledger.face(back).standing is Standing.PAGE
    assert f"{front}-page" in desk.files()


def test_a_damaged_raw_raster_is_dropped_and_its_page_stays_a_page(ledger, desk, faces):
    front, _ = faces
    damage(desk, f"{front}-raw")
    one_pass(Scrub(ledger, Damage(ledger), Reads()))
    face = ledger.face(front)
    assert face.standing is Standing.PAGE
    assert [(c.change, c.reason) for c in face.changes] == [("raw_dropped", "spool_corrupt")]
    assert f"{front}-raw" not in desk.files()


def test_bytes_behind_a_face_that_was_resolved_to_lost_are_looked_after_too(ledger, desk):
    batch = ledger.open_batch(virtual=False).number
    front, back = desk.sheet(ledger, batch, b"front", b"back", fate=Fate.QUARANTINED)
    for face in (front, back):
        ledger.add_blob(face, Blob(Role.RAW, "application/x-raw", b"raster"))
        ledger.amend(
            face, "resolve", {"fate": "lost"}, actor="clerk", request_id=str(face), reason="none"
        )
    damage(desk, f"{front}-page")
    damage(desk, f"{back}-raw")
    one_pass(Scrub(ledger, Damage(ledger), Reads()))
    assert (ledger.face(front).standing, ledger.face(front).undecided) == ("quarantined", True)
    assert (ledger.face(back).standing, ledger.face(back).undecided) == ("lost", False)
    assert f"{back}-raw" not in desk.files()


def test_a_file_that_is_missing_is_damage(ledger, desk, faces):
    (desk.directory / "pages" / f"{faces[1]}-page").unlink()
    one_pass(Scrub(ledger, Damage(ledger), Reads()))
    assert ledger.face(faces[1]).standing is Standing.QUARANTINED


def test_a_spool_without_files_is_at_rest(ledger, desk):
    sheet = ledger.request_feed(ledger.open_batch(virtual=False).number)
    ledger.commit([desk.page(sheet.face(s), fate=Fate.LOST) for s in (Side.FRONT, Side.BACK)])
    assert not Scrub(ledger, Damage(ledger), Reads()).turn()
