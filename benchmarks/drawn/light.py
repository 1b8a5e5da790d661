"""Content that is easily taken for nothing: what may be all there is on a face of a dossier.

Each kind draws itself on a sheet, with its own ink, texture, softness, contrast and place.
"""

from collections.abc import Callable
from typing import Final

from benchmarks.drawn import by_hand, in_print, stamped
from benchmarks.drawn.paper import Sheet

Draw = Callable[[Sheet], None]

LIGHT: Final[dict[str, Draw]] = {
    "pencil note": by_hand.pencil_note,
    "lone signature": by_hand.signature,
    "page number": in_print.page_number,
    "dashed page number": in_print.dashed_page_number,
    "stamped page number": stamped.stamped_page_number,
    "faint seal": stamped.faint_seal,
    "half seal at the edge": stamped.half_seal,
    "private seal": stamped.name_seal,
    "thumbprint": stamped.thumbprint,
    "thermal print": in_print.thermal_print,
    "light form lines": in_print.form_lines,
    "watermark": in_print.watermark,
    "以下空白": in_print.blank_below,
    "date stamp": stamped.date_stamp,
    "receipt stamp": stamped.receipt_stamp,
    "carbon copy": by_hand.carbon_copy,
    "tick": by_hand.tick,
    "written 一": by_hand.written_one,
    "leader dots": in_print.leader_dots,
    "table rule": in_print.table_rule,
    "gutter writing": by_hand.gutter_writing,
    "highlighter": by_hand.highlighter,
    "barcode": in_print.barcode,
    "initials": by_hand.initials,
    "header line": in_print.header_line,
    "fax header": in_print.fax_header,
    "footer": in_print.footer,
    "pencil cross-out": by_hand.cross_out,
    "sticky note": in_print.sticky_note,
    "pen dash": by_hand.pen_dash,
    "ink blot": by_hand.ink_blot,
    "erased pencil": by_hand.erased_pencil,
    "circled number": by_hand.circled_number,
    "rim of correction fluid": by_hand.correction_fluid,
    "small code": in_print.small_code,
}
