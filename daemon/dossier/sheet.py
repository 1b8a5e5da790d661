"""Separator sheets as pictures and as a PDF: four codes and what a clerk reads, on both faces.

Rule 1: what the clerk reads is what the machine reads; `draw` refuses a text that says other than
its fields. Rule 2: the layout lets a code in every corner survive a sheet fed 6° askew: 14 mm from
the edge is still in an A4 window, the codes begin at 18 mm with their quiet zone inside that.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import img2pdf
import numpy as np
import segno
from numpy.typing import NDArray

from daemon.dossier import payload
from daemon.dossier.case_number import CaseNumber
from daemon.dossier.catalogue import NO_PARTY, RuleSet
from daemon.dossier.payload import BadPayload, Payload
from daemon.errors import RuleError

A4_MM: Final = (210.0, 297.0)
DPI: Final = 300
PRINTED: Final = {
    "C": "案件开始",
    "M": "材料开始",
    "P": "更换当事人",
    "G": "通用材料卡",
    "E": "扫描结束",
}
"""The kinds that are printed, with their titles."""

_HINTS: Final = {
    "C": "放在本案全部材料之前",
    "M": "放在本材料第一页之前",
    "P": "放在该当事人的材料之前",
    "G": "可重复使用；同一批次中须先有“案件开始”",
    "E": "放在本批最后一页之后",
}

_PX_PER_MM: Final = DPI / 25.4
_VERSION: Final = 5  # 37 modules; with error correction Q it holds 87 characters
_MODULE_PX: Final = 11  # whole pixels stay sharp: 34.5 mm a code, 5.5 px a module at half scale
_MARGIN_MM: Final = 18.0
_WIDEST_MM: Final = 174.0
_SMALL_PNG: Final = (cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 9)
_INK: Final = (0, 0, 0)
_PAPER: Final = (255, 255, 255)

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A separator somebody wants printed; what its kind does not use stays as it is here.

    Attributes
    ----------
    argument
        Declared pages of a material, 0 when not declared.
    """

    kind: str
    case: CaseNumber | None = None
    stage: str = ""
    material: str = ""
    party: str = ""
    instance: int = 0
    argument: int = 0


def compose(wanted: Wanted, key_id: str, sheet_id: str) -> Payload:
    """Return the fields of a wanted separator.

    Raises
    ------
    RuleError
        The kind is not printed, or something it needs is missing, wrong or too much.
    """
    if wanted.kind not in PRINTED:
        raise RuleError(f"separators are printed of kind {', '.join(PRINTED)}", kind=wanted.kind)
    if wanted.kind == "P" and not wanted.party:
        raise RuleError("a separator of kind P needs the party, or 000 for none")
    fields = {
        "stage": wanted.stage,
        "material": wanted.material,
        "party": wanted.party,
        "instance": _digits(wanted.instance, 3),
        "argument": _digits(wanted.argument, 6),
        **_case_fields(wanted),
    }
    for name, value in fields.items():
        if not value:
            fields[name] = payload.zeros(name)
    try:
        return Payload(kind=wanted.kind, key_id=key_id, sheet_id=sheet_id, **fields)
    except BadPayload as error:
        name, got = error.field, fields.get(error.field, "")
        what = f"a separator of kind {wanted.kind}"
        if name in fields and not payload.uses(wanted.kind, name):
            raise RuleError(f"{what} has no {name}; leave it out", got=got) from error
        if name in fields and got == payload.zeros(name):
            raise RuleError(f"{what} needs the {name}") from error
        raise RuleError(f"{what} cannot have this {name}", got=got) from error


def _case_fields(wanted: Wanted) -> dict[str, str]:
    case = wanted.case
    needed = payload.uses(wanted.kind, "court")
    if needed != (case is not None):
        need = "needs a case number" if needed else "has no case number; leave it out"
        raise RuleError(f"a separator of kind {wanted.kind} {need}")
    if case is None:
        return dict.fromkeys(("court", "specialist", "year", "type", "sequence"), "")
    if case.legacy:
        raise RuleError(
            "a number from before 2016 does not fit on a separator: enter the case in the local "
            "register and print its number there, such as (2026)吉01旧存33号"
        )
    return {
        "court": case.court,
        "specialist": case.specialist,
        "year": f"{case.year:04d}",
        "type": case.type,
        "sequence": f"{case.sequence:08d}",
    }


def _digits(number: int, width: int) -> str:
    if not 0 <= number < 10**width:
        raise RuleError(f"a number on a separator is 0 to {10**width - 1}", got=number)
    return f"{number:0{width}d}"


def draw(text: str, wanted: Wanted, rules: RuleSet) -> Picture:
    """Draw a separator.

    Parameters
    ----------
    text
        What its codes say: the fields of `wanted`, signed.

    Returns
    -------
    uint8, (3508, 2480, 3), BGR: A4 at 300 dpi, the same for both faces.

    Raises
    ------
    RuleError
        The stage, the material or the party is not in the rules.
    ValueError
        `text` says something else than `wanted`.
    """
    fields = text.split(":")
    # from the end: sheet id, argument, key id, check
    own = compose(wanted, key_id=fields[-2], sheet_id=fields[-4]) if len(fields) > 4 else None
    if own is None or text.rpartition(":")[0] != payload.unsigned(own):
        raise ValueError("the codes would say something else than the sheet")
    face = _Face()
    for left in (True, False):
        for top in (True, False):
            face.code(text, left=left, top=top)
    face.band("扫描分隔页", top_mm=22.0, height_mm=17.0)
    face.line("请勿归入卷宗", base_mm=48.0, em_mm=6.5, widest_mm=90.0)
    face.line(PRINTED[wanted.kind], base_mm=86.0, em_mm=22.0)
    face.line(_HINTS[wanted.kind], base_mm=99.0, em_mm=6.0)
    base_mm = 124.0
    for words, em_mm in _told(wanted, rules):
        face.line(words, base_mm, em_mm)
        base_mm += em_mm + 10.0
    face.line(f"分隔页编号 {wanted.kind}", base_mm=262.0, em_mm=6.5, widest_mm=90.0)
    face.line(f"{own.sheet_id[:4]} {own.sheet_id[4:]}", 278.0, em_mm=15.0, widest_mm=90.0)
    return face.ink


def _told(wanted: Wanted, rules: RuleSet) -> Iterator[tuple[str, float]]:
    """Yield the lines in the middle of the sheet and their sizes."""
    if wanted.case is not None:
        yield wanted.case.text, 14.0
    if wanted.stage:
        yield f"阶段：{rules.stage_name(wanted.stage)}", 10.0
    if wanted.material:
        yield f"{wanted.material} {rules.material(wanted.material).name}", 14.0
    if wanted.party not in ("", NO_PARTY):
        party = rules.party(wanted.party)
        also = f"({party.also})" if party and party.also else ""
        yield f"{wanted.party} {rules.party_name(wanted.party)}{also}", 11.0
    count = []
    if wanted.instance:
        count.append(f"第 {wanted.instance} 份")
    if wanted.argument:
        count.append(f"申报 {wanted.argument} 页")
    if count:
        yield " · ".join(count), 10.0


def pdf(pictures: Iterable[Picture]) -> bytes:
    """Return a PDF of A4 pages, two for each picture: printed duplex, both faces are equal."""
    pages = []
    for picture in pictures:
        gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        # Ink or paper, nothing between: 40 kB a page, and a printer does not screen it.
        ink_or_paper = cv2.threshold(gray, 127, 255, cv2.THRESH_BINARY)[1]
        page = cv2.imencode(".png", ink_or_paper, _SMALL_PNG)[1].tobytes()
        pages += [page, page]
    size = (img2pdf.mm_to_pt(A4_MM[0]), img2pdf.mm_to_pt(A4_MM[1]))
    out = io.BytesIO()
    # Without dates the same sheets give the same bytes, and no clock is read. Its other engine
    # makes the file's /ID from the time: it takes pikepdf 10 for older than 6.2.
    img2pdf.convert(
        *pages,
        outputstream=out,
        layout_fun=img2pdf.get_layout_fun(size),
        nodate=True,
        engine=img2pdf.Engine.internal,
    )
    return out.getvalue()


class _Face:
    """White A4 paper and black ink; everything in millimetres."""

    def __init__(self) -> None:
        size_px = (_px(A4_MM[1]), _px(A4_MM[0]), 3)
        self.ink: Picture = np.full(size_px, 255, np.uint8)
        self._font = cv2.FontFace("uni")

    def code(self, text: str, *, left: bool, top: bool) -> None:
        """Put a code into a corner."""
        made = segno.make_qr(
            text, version=_VERSION, error="q", mode="alphanumeric", boost_error=False
        )
        modules = np.array([list(row) for row in made.matrix], np.uint8)
        square = np.kron(255 * (1 - modules), np.ones((_MODULE_PX, _MODULE_PX), np.uint8))
        side, margin = square.shape[0], _px(_MARGIN_MM)
        y = margin if top else self.ink.shape[0] - margin - side
        x = margin if left else self.ink.shape[1] - margin - side
        self.ink[y : y + side, x : x + side] = square[:, :, None]

    def line(
        self,
        text: str,
        base_mm: float,
        em_mm: float,
        widest_mm: float = _WIDEST_MM,
        colour: tuple[int, int, int] = _INK,
    ) -> None:
        """Write a line in the middle of the sheet, smaller if it would be too wide."""
        size = _px(em_mm)
        width = self._width_px(text, size)
        if width > _px(widest_mm):
            size = size * _px(widest_mm) // width
            width = self._width_px(text, size)
        at = ((self.ink.shape[1] - width) // 2, _px(base_mm))
        cv2.putText(self.ink, text, at, colour, self._font, size, 700)

    def band(self, text: str, top_mm: float, height_mm: float) -> None:
        """Draw a black band between the upper codes, with white text."""
        half_mm = 46.0
        middle_mm = A4_MM[0] / 2
        a = (_px(middle_mm - half_mm), _px(top_mm))
        b = (_px(middle_mm + half_mm), _px(top_mm + height_mm))
        cv2.rectangle(self.ink, a, b, _INK, cv2.FILLED)
        self.line(text, top_mm + 0.72 * height_mm, 0.68 * height_mm, 2 * half_mm - 6, _PAPER)

    def _width_px(self, text: str, size_px: int) -> int:
        whole = (self.ink.shape[1], self.ink.shape[0])
        return cv2.getTextSize(whole, text, (0, 0), self._font, size_px, 700)[2]


def _px(mm: float) -> int:
    return round(mm * _PX_PER_MM)
