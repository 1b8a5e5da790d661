"""PDFs of the materials of a pulled case: what stands in them, and when they are made anew."""

import io

import cv2
import numpy as np
import pikepdf
import pytest

from daemon.errors import ConfigError
from daemon.page import Blob, Fate, Role
from daemon.rpc import pages_pb2 as pb
from daemon.stream.court.dial import Appliance
from daemon.stream.court.pdf import EPOCH, STAMP, Pdfs
from daemon.stream.court.puller import Puller
from tests import court

KEY = court.CASE.key


def picture(shade, media_type="image/jpeg"):
    """A small page of one shade, as the kernels would write it."""
    pixels = np.full((60, 40), shade, np.uint8)
    extension = ".jpg" if media_type == "image/jpeg" else ".png"
    return cv2.imencode(extension, pixels)[1].tobytes()


def stack():
    return [
        *court.separators("AAAAAAAA", "131", declared=2),
        court.kept(picture(10), "131", 1),
        court.kept(picture(20), "131", 2),
        *court.separators("BBBBBBBB", "111"),
        court.kept(picture(30), "111", 1),
        court.face(Fate.BLANK, picture(250), "111", reason="surely blank"),
        *court.separators("CCCCCCCC", "171"),
        court.kept(picture(40), "171", 1),
        court.kept(picture(50), "171", 2),
    ]


@pytest.fixture
def hall(tmp_path):
    hall = court.Hall(tmp_path / "hall")
    yield hall
    hall.close()


@pytest.fixture
def pdf(tmp_path):
    return tmp_path / "pdf"


def pull(hall, folder, pdf):
    appliance = Appliance(f"127.0.0.1:{hall.server.port}", "court")
    return Puller(appliance, folder, give_up_s=5, pdfs=Pdfs(pdf, folder)).run()


def images(path):
    """The image streams of a PDF, byte for byte, in the order of its pages."""
    with pikepdf.open(io.BytesIO(path.read_bytes())) as document:
        return [
            image.read_raw_bytes()
            for page in document.pages
            for image in page.get_images().values()
        ]


def lie(pdf):
    return sorted(str(path.relative_to(pdf)) for path in pdf.rglob("*") if path.is_file())


def rekey(request_id, page_id):
    change = pb.Rekey(from_case_number=court.CASE.text, to_case_number=court.OTHER_CASE.text)
    return pb.AmendRequest(
        request_id=request_id, page_id=str(page_id), actor="x", reason="y", rekey=change
    )


def test_each_material_is_one_pdf_in_the_order_of_the_dossier_and_lossless(hall, folder, pdf):
    hall.feed(stack())
    pulled = pull(hall, folder, pdf)
    assert lie(pdf) == [
        EPOCH,
        f"{KEY}/{STAMP}",
        f"{KEY}/main/001-111-Y01-1.pdf",
        f"{KEY}/main/002-131-Y01-1.pdf",
        f"{KEY}/secondary/001-171-Y01-1.pdf",
    ]
    assert images(pdf / KEY / "main" / "002-131-Y01-1.pdf") == [picture(10), picture(20)]
    assert (pulled.pdfs, pulled.without_pdf) == (3, [])


def test_they_are_made_anew_when_the_manifest_is_another_one_and_only_then(hall, folder, pdf):
    ids = hall.feed(stack())
    pull(hall, folder, pdf)
    before = {name: (pdf / name).read_bytes() for name in lie(pdf)}
    assert pull(hall, folder, pdf).pdfs == 0

    restore = pb.AmendRequest(
        request_id="r", page_id=str(ids[7]), actor="x", reason="y", restore=pb.Restore()
    )
    hall.amend(restore)
    assert pull(hall, folder, pdf).pdfs == 3
    assert images(pdf / KEY / "main" / "001-111-Y01-1.pdf") == [picture(30), picture(250)]
    same = f"{KEY}/main/002-131-Y01-1.pdf"
    assert (pdf / same).read_bytes() == before[same]  # the same pages give the same bytes


def test_a_material_that_is_no_longer_there_leaves_no_pdf_behind(hall, folder, pdf):
    ids = hall.feed(stack())
    pull(hall, folder, pdf)
    for page_id in ids[6:8]:
        hall.amend(rekey(str(page_id), page_id))
    pull(hall, folder, pdf)
    assert [name for name in lie(pdf) if name.startswith(f"{KEY}/main/")] == [
        f"{KEY}/main/001-131-Y01-1.pdf"
    ]
    assert f"{court.OTHER_CASE.key}/main/001-111-Y01-1.pdf" in lie(pdf)


def test_a_case_that_everything_has_left_leaves_no_pdf_behind(hall, folder, pdf):
    (page_id, _) = hall.feed([court.kept(picture(1), "111", 1), court.face(Fate.LOST, case=None)])
    pull(hall, folder, pdf)
    (pdf / "mine").mkdir()
    hall.amend(rekey("r", page_id))
    pull(hall, folder, pdf)
    assert [name.split("/")[0] for name in lie(pdf) if name.endswith(".pdf")] == [
        court.OTHER_CASE.key
    ]
    assert not (pdf / KEY).exists()
    assert (pdf / "mine").is_dir()


def test_the_folder_of_another_appliance_is_refused(hall, folder, pdf, tmp_path):
    hall.feed(stack())
    pull(hall, folder, pdf)
    other = court.Hall(tmp_path / "other")
    try:
        other.feed(stack())
        with pytest.raises(ConfigError, match="another appliance"):
            pull(other, tmp_path / "court-2", pdf)
    finally:
        other.close()


def test_an_interrupted_replacement_is_done_again(hall, folder, pdf):
    hall.feed(stack())
    pull(hall, folder, pdf)
    whole = lie(pdf)
    (pdf / KEY).rename(pdf / f".suian.old.{KEY}")
    half = pdf / f".suian.new.{KEY}" / "main"
    half.mkdir(parents=True)
    (half / "001-111-Y01-1.pdf").write_bytes(b"half")
    assert pull(hall, folder, pdf).pdfs == 3
    assert lie(pdf) == whole


def test_a_material_of_which_a_page_is_not_here_gets_none_and_is_named(hall, folder, pdf):
    ids = hall.feed(stack())
    next((hall.folder / "spool").rglob(f"{ids[3]}-page")).write_bytes(b"x" * 10)
    hall.pull(folder)
    (folder / KEY / "main" / f"{ids[6]}.jpg").unlink()
    pulled = pull(hall, folder, pdf)
    assert [name for name in lie(pdf) if name.endswith(".pdf")] == [
        f"{KEY}/main/002-131-Y01-1.pdf",  # the damaged page is set apart, so it is no page now
        f"{KEY}/secondary/001-171-Y01-1.pdf",
    ]
    (lacking,) = pulled.without_pdf
    assert lacking.startswith(f"{KEY}/main/001-111-Y01-1.pdf: a page is not here")


def test_a_document_that_is_a_pdf_stays_as_it_is_and_is_not_mixed_with_pages(hall, folder, pdf):
    made = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.save(made)

    def electronic(material):
        make = court.kept(b"", material, 1)

        def original(page_id):
            page = make(page_id)
            blob = Blob(Role.ORIGINAL, "application/pdf", made.getvalue())
            return type(page)(
                page_id=page_id,
                fate=Fate.PAGE,
                virtual=True,
                captured_at=1.0,
                position=page.position,
                blobs=(blob,),
            )

        return original

    hall.feed(
        [electronic("131"), electronic("111"), court.kept(picture(9), "111", 2), *stack()[-1:]]
    )
    pulled = pull(hall, folder, pdf)
    assert (pdf / KEY / "main" / "002-131-Y01-1.pdf").read_bytes() == made.getvalue()
    (lacking,) = pulled.without_pdf
    assert "a document of its own" in lacking


def test_what_is_no_picture_is_named_and_the_others_are_made(hall, folder, pdf):
    hall.feed([court.kept(b"no picture", "131", 1), court.kept(picture(1), "111", 1)])
    pulled = pull(hall, folder, pdf)
    assert f"{KEY}/main/001-111-Y01-1.pdf" in lie(pdf)
    (lacking,) = pulled.without_pdf
    assert "cannot stand in a PDF" in lacking


def test_a_folder_that_was_not_made_here_is_not_replaced(hall, folder, pdf):
    (pdf / KEY).mkdir(parents=True)
    (pdf / KEY / "thesis.txt").write_text("mine")
    hall.feed(stack())
    with pytest.raises(ConfigError, match="not replaced"):
        pull(hall, folder, pdf)
    assert (pdf / KEY / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("inside", ["", "pdf", "../court/x"])
def test_pdfs_among_the_pulled_pages_are_refused(folder, inside):
    folder.mkdir()
    with pytest.raises(ConfigError, match="another folder for --pdf"):
        Pdfs(folder / inside, folder)
