"""What cannot be taken is put aside with its reason, and never hurts the daemon."""

import os
from pathlib import Path

import pikepdf
import pytest

from daemon.inbox import folder

AT_REST = [".claimed"]


def refused(station, name="a.pdf"):
    """Look until it is put aside; returns the reason."""
    station.look()
    ((names, reason),) = station.rejected()
    assert names == [name, f"{name}.toml"]
    assert station.lying() == AT_REST
    assert station.pages() == []
    assert station.ledger.open_batches() == []
    assert station.counted("rejected") == 1
    assert station.counted("taken") == 0
    return reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("(2026)吉01民初129号", "第129号", "case"),
        ('"LA"', '"XX"', "stages are"),
        ('"111"', '"999"', "no such material"),
        ('"Y01"', '"Q01"', "a party is"),
        ('"Y01"', '"Y00"', "numbered from 01"),
        ('"Y01"', '"Y1"', "a party is"),
        ('party = "Y01"', "instance = 0", "instance"),
        ('party = "Y01"', 'court = "x"', "court"),
        ('stage = "LA"\n', "", "stage"),
        ('"111"', "111", "material"),
        ("case =", "case", "not a TOML file"),
        ("case =", "x = " + "[" * 5000, "not a TOML file"),
        ("case =", "x = " + "9" * 5000 + "\ncase =", "not a TOML file"),
    ],
)
def test_a_sidecar_that_names_no_place_is_refused(station, sidecar, old, new, reason):
    assert old in sidecar
    station.drop("a.pdf", sidecar=sidecar.replace(old, new))
    assert reason in refused(station)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"\xff\xfe\x00", "not a TOML file"), (b"#" * 65_537, "too large")],
)
def test_a_sidecar_that_is_no_text_is_refused(station, data, reason):
    station.drop("a.pdf", sidecar=data)
    assert reason in refused(station)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"MZ\x90\0 a program", "only PDF and JPEG"),
        (b"\x89PNG\r\n\x1a\n", "found=image/png"),
        (b"%PDF-1.7\nhalf of it", "cut off"),
        (b"%PDF-1.7\nnothing follows\n%%EOF", "damaged"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "cut off or damaged"),
    ],
)
def test_a_document_that_cannot_be_opened_is_refused(station, data, reason):
    station.drop("a.pdf", data)
    assert reason in refused(station)


def test_half_a_picture_is_refused(station, jpeg):
    station.drop("a.jpg", jpeg[: len(jpeg) // 2])
    assert "cut off" in refused(station, "a.jpg")


def test_an_encrypted_document_is_refused(station, tmp_path):
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(tmp_path / "locked.pdf", encryption=pikepdf.Encryption(owner="o", user="u"))
    station.drop("a.pdf", (tmp_path / "locked.pdf").read_bytes())
    assert "encrypted" in refused(station)


def test_a_document_that_is_too_large_is_refused_unread(station, monkeypatch):
    monkeypatch.setattr(folder, "MAX_BYTES", 10_000)
    station.drop("a.pdf", b"%PDF" + b"\0" * 10_000)
    assert "too large" in refused(station)


def fifo(path, _elsewhere):
    os.mkfifo(path)


def symbolic_link(path, elsewhere):
    path.symlink_to(elsewhere)


def dangling_link(path, _elsewhere):
    path.symlink_to("/nowhere/at/all")


def link_to_a_folder(path, elsewhere):
    path.symlink_to(elsewhere.parent)


def hard_link(path, elsewhere):
    path.hardlink_to(elsewhere)


@pytest.mark.parametrize("make", [fifo, symbolic_link, dangling_link, link_to_a_folder, hard_link])
@pytest.mark.parametrize("which", ["a.pdf", "a.pdf.toml"], ids=["document", "sidecar"])
def test_what_is_not_a_plain_file_is_refused_and_what_it_points_at_stays(
    station, pdf, tmp_path, make, which
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(pdf)
    station.drop("a.pdf")
    (station.folder / which).unlink()
    make(station.folder / which, elsewhere)
    assert "plain file" in refused(station)
    assert elsewhere.read_bytes() == pdf


def test_a_folder_is_no_document(station, sidecar):
    (station.folder / "a.pdf").mkdir()
    (station.folder / "a.pdf.toml").write_text(sidecar, encoding="utf-8")
    station.look(3)
    assert station.rejected() == []
    assert station.lying() == [*AT_REST, "a.pdf", "a.pdf.toml"]


def test_a_document_that_changes_while_it_is_read_is_refused(station, pdf, monkeypatch):
    station.drop("a.pdf")
    real = os.fstat

    def fstat(descriptor):
        found = real(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.name == "a.pdf":
            path.write_bytes(pdf + b"more")
        return found

    monkeypatch.setattr(os, "fstat", fstat)
    assert "changed while it was read" in refused(station)


def test_one_bad_file_does_not_keep_others_out(station):
    station.drop("a.pdf", b"nothing")
    station.drop("b.pdf")
    station.drop("c.pdf", sidecar="")
    station.look()
    assert [page.file_name for page, _ in station.pages()] == ["b.pdf"]
    assert len(station.rejected()) == 2


def test_the_same_bad_name_twice_is_put_aside_twice(station):
    for _ in range(2):
        station.drop("a.pdf", b"nothing")
        station.look()
    assert [names for names, _ in station.rejected()] == [["a.pdf", "a.pdf.toml"]] * 2


def test_no_log_above_debug_names_a_file_or_a_case(station, caplog):
    caplog.set_level("INFO")
    station.drop("张三诉李四.pdf")
    station.drop("王五.pdf", b"nothing")
    station.drop("赵六.pdf", sidecar='case = "(2026)吉01民初777号"\n')
    station.look()
    said = caplog.text
    assert "taken from the inbox" in said
    assert "rejected" in said
    assert [word for word in ("张三", "王五", "赵六", "129号", "777号") if word in said] == []
