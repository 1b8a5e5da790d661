"""A card of software for the tests of the CUDA kernels, see `tests.emulator`; and a real one."""

import pytest

from kernels import gpu
from kernels.cuda.slot import Slot
from kernels.cuda.turns import Turns
from tests.emulator import cards

ORDERS = ("forward", "reverse", "shuffled")


@pytest.fixture(params=[*ORDERS, pytest.param("card", marks=pytest.mark.gpu)])
def slot(request):
    """A worker's memory; threads and blocks run in each of three orders, and on a card if any."""
    card = gpu.first_card() if request.param == "card" else cards.card(order=request.param)
    return Slot(card, Turns(card))


@pytest.fixture
def forward_slot():
    """The same in one order: for whole pages."""
    card = cards.card()
    return Slot(card, Turns(card))
