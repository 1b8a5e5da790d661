"""The paper of a demonstration: separators of its own key, then a drawn stack or a folder."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.demo.folder import FolderPaper
from daemon.demo.stack import SeparatorWish, Stack
from daemon.dossier import case_number, payload, sheet
from daemon.dossier.catalogue import RuleSet
from daemon.feeder.emulator import Paper, Window

_CASE: Final = "(2026)吉01民初129号"
_FOLDER_STAGE: Final = "LA"
_FOLDER_MATERIAL: Final = "900"


class Printer:
    """Prints the separators of one round of paper; the same wish gives the same sheet.

    Parameters
    ----------
    rules
        For the Chinese text beside the codes.
    keys
        The newest one signs.
    round_number
        Sheets of another round bear other ids, as freshly printed ones do.
    """

    def __init__(self, rules: RuleSet, keys: Mapping[str, bytes], round_number: int) -> None:
        self._rules = rules
        self._keys = keys
        self._round = round_number

    def __call__(self, wish: SeparatorWish) -> NDArray[np.uint8]:
        """Return one face, BGR at 300 dpi."""
        wanted = sheet.Wanted(
            kind=wish.kind,
            case=case_number.parse(wish.case_number),
            stage=wish.stage,
            material=wish.material,
            party=wish.party,
            instance=wish.instance,
            argument=0,
        )
        key_id = payload.newest(self._keys)
        seed = hashlib.sha256(f"{self._round}/{wish.number}".encode()).digest()
        sheet_id = payload.new_sheet_id(lambda size: seed[:size])
        signed = payload.sign(sheet.compose(wanted, key_id, sheet_id), self._keys[key_id])
        return sheet.draw(signed, wanted, self._rules)


def drawn(printer: Printer, sheets: int | None, seed: int) -> Stack:
    """Return the drawn stack."""
    return Stack(printer, sheets=sheets, seed=seed)


def of_folder(printer: Printer, folder: Path) -> FolderPaper:
    """Return a folder's pages behind one case and one material separator.

    Raises
    ------
    InputError
        If the folder has no page, or one that cannot be decoded.
    """
    wishes = (
        SeparatorWish(1, "C", _CASE),
        SeparatorWish(2, "M", _CASE, _FOLDER_STAGE, _FOLDER_MATERIAL, instance=1),
    )
    pictures = [printer(wish) for wish in wishes]
    return FolderPaper(folder, [(picture, picture) for picture in pictures])


class Shelf:
    """Paper that is replaced by a fresh stack of as many sheets each time the hopper has emptied.

    Parameters
    ----------
    paper
        The first stack.
    """

    def __init__(self, paper: Paper) -> None:
        self._paper = paper

    def lay(self, paper: Paper) -> None:
        """Replace the stack; raises ValueError when it has another number of sheets."""
        if len(paper) != len(self._paper):
            raise ValueError(f"{len(paper)} sheets do not replace {len(self._paper)}")
        self._paper = paper

    def __len__(self) -> int:
        """Return how many sheets a stack has."""
        return len(self._paper)

    def face(self, sheet_index: int, side: str, window: Window) -> bytes:
        """Return the samples of one face of the stack that lies there now."""
        return self._paper.face(sheet_index, side, window)

    def length_units(self, sheet_index: int) -> int:
        """Return how long a sheet of the stack that lies there now is, in 1/1200 inch."""
        return self._paper.length_units(sheet_index)
