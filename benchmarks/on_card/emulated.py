"""The card of software that the tests have, where it can be had: it proves equality, not speed."""

import importlib
import shutil
from typing import Final

from kernels.gpu import Card

COMPILER: Final = "g++"


class EmulatorAbsent(Exception):
    """The emulator cannot be had here. The message says what is missing."""


def card() -> Card:
    """Return an emulated card with the kernels of this checkout.

    Raises
    ------
    EmulatorAbsent
        If there is no compiler, or no folder of tests.
    """
    if shutil.which(COMPILER) is None:
        raise EmulatorAbsent(f"no {COMPILER} to build the emulator with")
    try:
        cards = importlib.import_module("tests.emulator.cards")
    except ImportError as error:
        raise EmulatorAbsent("no emulator: it stands in tests/, beside benchmarks/") from error
    made: Card = cards.card()
    return made
