"""One PDF a material, from the pages of a manifest, for people who read dossiers.

    DIR/<case key>/<volume>/<rank:03>-<material>-<party>-<instance>.pdf      rank: in its volume

Rule 1: lossless: a page's JPEG, TIFF or PNG stands in the PDF as it was pulled.
Rule 2: the PDFs of a case belong to one manifest: they are replaced together, and a material of
which a page is not here gets none. DIR/<case key>/.suian.manifest says which.
Rule 3: nothing is replaced or removed that was not made here, and DIR belongs to one journal:
DIR/.suian.epoch says which.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, Final

import img2pdf

from daemon.errors import ConfigError, InputError
from daemon.stream.court.folder import (
    disk,
    make_folder,
    segment,
    sync_file,
    sync_folder,
    write_whole,
)
from daemon.stream.court.store import CourtStore, manifest_of

STAMP: Final = ".suian.manifest"
EPOCH: Final = ".suian.epoch"
_NEW: Final = ".suian.new"
_OLD: Final = ".suian.old"
_PDF: Final = "application/pdf"
_PICTURES: Final = frozenset({"image/jpeg", "image/tiff", "image/png"})
_FOREIGN: Final = (
    img2pdf.AlphaChannelError,
    img2pdf.ExifOrientationError,
    img2pdf.ImageOpenError,
    img2pdf.JpegColorspaceError,
    img2pdf.NegativeDimensionError,
    img2pdf.PdfTooLargeError,
    img2pdf.UnsupportedColorspaceError,
    ValueError,
    NotImplementedError,
)
_Row = Mapping[str, Any]


class Pdfs:
    """The folder of PDFs of one appliance.

    Parameters
    ----------
    directory
        Made when missing.
    pulled
        The folder of pages; every file in it that nobody captured would be called added.

    Raises
    ------
    ConfigError
        If the one lies in the other.
    """

    def __init__(self, directory: Path, pulled: Path) -> None:
        if directory.resolve().is_relative_to(pulled.resolve()):
            raise ConfigError(
                "the PDFs may not lie among the pulled pages: choose another folder for --pdf",
                pdf=directory,
                pulled=pulled,
            )
        self._directory = directory
        self._claimed = False
        self._made: dict[str, bytes] = {}
        self._not_made: dict[str, list[str]] = {}

    @property
    def not_made(self) -> list[str]:
        """The PDFs that cannot be made, with why."""
        return [name for names in self._not_made.values() for name in names]

    def refresh(self, store: CourtStore) -> int:
        """Make the PDFs of every case whose manifest is another one; returns how many.

        Raises
        ------
        ConfigError
            If a folder is in the way that was not made here, or for another appliance.
        SpoolFailed
            If the disk fails.
        """
        count, manifests = 0, store.manifests()
        with disk("write PDFs"):
            if not self._claimed:
                self._claim(store.cursor.epoch)
            for case_key, sha256 in manifests.items():
                if self._made.get(case_key) != sha256:
                    count += self._case(store, case_key, sha256)
            self._drop({segment(case_key) for case_key in manifests})
        self._made = manifests
        return count

    def _claim(self, epoch: str) -> None:
        """Bind the folder to the journal, or refuse it."""
        mark = self._directory / EPOCH
        if mark.is_file() and mark.read_text(encoding="utf-8", errors="replace") != epoch:
            raise ConfigError(
                "this folder has the PDFs of another appliance: choose another folder for --pdf",
                folder=self._directory,
            )
        write_whole(mark, epoch.encode())
        for left in (*self._directory.glob(f"{_NEW}.*"), *self._directory.glob(f"{_OLD}.*")):
            shutil.rmtree(left)
        self._claimed = True

    def _drop(self, known: set[str]) -> None:
        """Remove the PDFs of cases that have no manifest any more."""
        for stamp in self._directory.glob(f"*/{STAMP}"):
            if stamp.parent.name not in known and not stamp.parent.name.startswith("."):
                shutil.rmtree(stamp.parent)

    def _case(self, store: CourtStore, case_key: str, sha256: bytes) -> int:
        folder = self._directory / segment(case_key)
        if _stamp(folder) == sha256.hex():
            return 0
        data = store.read(manifest_of(case_key))
        if data is None:
            return 0
        made, lacking = 0, []
        new = self._directory / f"{_NEW}.{folder.name}"
        shutil.rmtree(new, ignore_errors=True)
        make_folder(new)
        for name, rows in _materials(json.loads(data)["pages"]):
            try:
                _write(new / name, [_bytes(row, store) for row in rows], rows)
            except InputError as error:
                lacking.append(f"{case_key}/{name}: {error}")
                continue
            made += 1
        write_whole(new / STAMP, sha256.hex().encode())
        self._swap(new, folder)
        self._not_made[case_key] = lacking
        return made

    def _swap(self, new: Path, folder: Path) -> None:
        """Put the new folder in the place of the old one; a kill leaves one of them, or none."""
        old = self._directory / f"{_OLD}.{folder.name}"
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        sync_folder(self._directory)
        shutil.rmtree(old, ignore_errors=True)


def _stamp(folder: Path) -> str:
    """Return the manifest a folder was made from, "" when there is no folder."""
    stamp = folder / STAMP
    if stamp.is_file():
        return stamp.read_text(encoding="utf-8", errors="replace")
    if folder.exists():
        raise ConfigError(
            "this folder was not made from pulled pages, so it is not replaced: choose another"
            " folder for --pdf",
            folder=folder,
        )
    return ""


def _materials(pages: Sequence[_Row]) -> Iterator[tuple[str, Sequence[_Row]]]:
    """Yield the name of each PDF and its pages; a manifest keeps those of a material together."""
    ranks: dict[str, int] = {}
    for (volume, _, *place), rows in groupby(pages, key=_material):
        rank = ranks[volume] = ranks.get(volume, 0) + 1
        words = "-".join(segment(str(word)) for word in place)
        yield f"{segment(volume)}/{rank:03}-{words}.pdf", list(rows)


def _material(row: _Row) -> tuple[str, str, str, str, int]:
    return row["volume"], row["stage"], row["material"], row["party"], row["instance"]


def _bytes(row: _Row, store: CourtStore) -> bytes:
    """Return the image or the document of a page; raises InputError when it is not here."""
    name = next((blob["file"] for blob in _shown(row)), "")
    data = store.read(name) if name else None
    if data is None:
        raise InputError("a page is not here", page=row["page_id"])
    return data


def _shown(row: _Row) -> Iterator[_Row]:
    """Yield what a person is shown of a page, the best first."""
    for role in ("page", "original"):
        yield from (blob for blob in row["blobs"] if blob["role"] == role and blob["file"])


def _write(path: Path, datas: Sequence[bytes], rows: Sequence[_Row]) -> None:
    """Write a PDF of pages, durably; a document that is one already stays as it is, alone.

    Raises
    ------
    InputError
        If a page is no picture; nothing is left of the file.
    """
    types = [next(_shown(row))["media_type"] for row in rows]
    other = [row["page_id"] for row, kind in zip(rows, types, strict=True) if kind not in _PICTURES]
    if other and types != [_PDF]:
        raise InputError("a page is a document of its own, not a picture", page=other[0])
    make_folder(path.parent)
    try:
        with path.open("wb") as file:
            if other:
                file.write(datas[0])
            else:
                _convert(datas, file)
    except _FOREIGN as error:
        path.unlink()
        raise InputError(
            f"a page cannot stand in a PDF: {error}", first_page=rows[0]["page_id"]
        ) from error
    sync_file(path)
    sync_folder(path.parent)


def _convert(datas: Sequence[bytes], file: BinaryIO) -> None:
    # Without dates the same pages give the same bytes. Its other engine makes the file's /ID from
    # the time.
    img2pdf.convert(
        *datas,
        outputstream=file,
        nodate=True,
        engine=img2pdf.Engine.internal,
        first_frame_only=True,
    )
