"""Drawing a sheet, over scripts: what is asked, and what is not asked again."""

import pytest

from daemon.errors import LinkTimeout, PaperJam, ProtocolError
from daemon.feeder import fi, image, models, probe
from daemon.feeder.fi import window as fi_window
from daemon.feeder.fi.abilities import parse_abilities
from daemon.feeder.fi.window import A4_UNITS, ColourOrder, Mode, Window
from daemon.feeder.link import Link, attached
from daemon.feeder.mechanism import Mechanism
from daemon.feeder.session import Session
from daemon.feeder.settings import Settings
from daemon.page import DeviceIdentity
from tests.feeder import wire
from tests.feeder.sides import BACK, FRONT, PIXELS, block, opening, ready, whole

ABLE = parse_abilities(
    bytes([6, 0xF0, 0, 0, 0x9A])
    + (600).to_bytes(2, "big") * 2
    + bytes([0x11])
    + (600).to_bytes(2, "big") * 2
    + (50).to_bytes(2, "big") * 2
    + bytes(2)
    + (9000).to_bytes(4, "big") * 2
    + bytes([0x88, 0, 0, 0, 0x90])
    + bytes(0xCC - 0x21)
)
GRAY = Settings(dpi=200, mode=Mode.GRAY)
SMALL = Settings(100, Mode.GRAY, paper_units=(48, 36))
POSITION = fi.object_position(fi.Position.FEED)
READY = fi.test_unit_ready()
SENSORS = fi.hardware_status()
PAPER, NO_PAPER = bytes([0, 0, 0x80]) + bytes(9), bytes(12)


@pytest.fixture
def drawing():
    """A mechanism that is set up, over a script."""
    opened = []

    def over(*steps, settings=GRAY, quirks=None):
        backend = wire.Script(*steps)
        link = Link(attached(backend, models.load())[0], backend)
        opened.append((link, backend))
        identity = DeviceIdentity("FUJITSU", "fi-9999", "1", "0A00")
        session = Session(link, pause=lambda _: None)
        connection = probe.Connection(session, identity, ABLE, quirks or models.Quirks())
        made = Mechanism(connection, settings)
        made._is_set_up = True
        return made

    yield over
    for link, backend in opened:
        link.close()
        assert not backend.steps


NOT_CARRIED_OUT = [
    wire.busy(POSITION),
    wire.checked(POSITION, wire.sense(2)),
    wire.checked(POSITION, wire.sense(6, 0x80, 1)),
]


@pytest.mark.parametrize("answer", NOT_CARRIED_OUT, ids=["busy status", "busy", "was asleep"])
def test_paper_in_the_path_is_not_asked_for_again_whatever_the_answer_was(drawing, answer):
    ready = wire.good(READY)
    assert drawing(ready, answer, ready, wire.good(SENSORS, PAPER)).draw()


@pytest.mark.parametrize("answer", NOT_CARRIED_OUT, ids=["busy status", "busy", "was asleep"])
def test_paper_is_asked_for_a_second_time_only_after_a_look_that_saw_none(drawing, answer):
    ready = wire.good(READY)
    look = wire.good(SENSORS, NO_PAPER)
    assert drawing(ready, answer, ready, look, ready, wire.good(POSITION), ready).draw()


def test_paper_is_not_asked_for_a_third_time(drawing):
    ready, look = wire.good(READY), wire.good(SENSORS, NO_PAPER)
    once = [*ready, *wire.busy(POSITION), *ready, *look]
    with pytest.raises(LinkTimeout, match="does not feed"):
        drawing(once, once).draw()


def test_an_empty_hopper_after_the_last_sheet_was_drawn_does_not_hide_that_sheet(drawing):
    empty = wire.checked(READY, wire.sense(3, 0x80, 3))
    drawn = wire.good(POSITION)
    assert drawing(wire.good(READY), drawn, empty, wire.good(SENSORS, PAPER)).draw()
    assert not drawing(wire.good(READY), drawn, empty, wire.good(SENSORS, NO_PAPER)).draw()


@pytest.mark.parametrize("seen", [PAPER, NO_PAPER])
def test_a_reset_while_a_sheet_is_drawn_is_an_error_and_no_second_draw(drawing, seen):
    reset = wire.checked(READY, wire.sense(6, 0, 0))
    ready = wire.good(READY)
    steps = [ready, wire.good(POSITION), reset, ready, wire.good(SENSORS, seen)]
    with pytest.raises(ProtocolError, match="reset while a sheet"):
        drawing(*steps).draw()


def test_a_table_and_a_lamp_are_sent_only_to_a_scanner_that_has_them(drawing):
    window = Window(A4_UNITS, 200, Mode.GRAY)
    sent = fi.set_window(fi_window.descriptors(window, ABLE, ColourOrder.DOT_RGB))
    unknown = wire.sense(5, 0x24, 0)
    pages = [wire.checked(fi.mode_sense(page), unknown) for page in fi.ModePage]
    drawing(*pages, wire.good(sent)).set_up()


NONE_KNOWN = [
    step for page in fi.ModePage for step in wire.checked(fi.mode_sense(page), wire.sense(5, 0x24))
]


def test_the_order_of_colours_that_was_taken_is_the_only_one_offered_later(drawing):
    settings = Settings(200)
    window = Window(A4_UNITS, 200, Mode.COLOUR)
    rgb, bgr = (
        fi.set_window(fi_window.descriptors(window, ABLE, order))
        for order in (ColourOrder.DOT_RGB, ColourOrder.DOT_BGR)
    )
    refused = wire.checked(rgb, wire.sense(5, 0x26))
    made = drawing(NONE_KNOWN, refused, wire.good(bgr), wire.good(bgr), settings=settings)
    made.set_up()
    made.set_up()


def test_what_came_of_a_sheet_remains_until_the_next_is_asked_for(drawing):
    jam = wire.checked(fi.read_image(BACK, 12), wire.sense(3, 0x80, 1))
    empty = wire.checked(POSITION, wire.sense(3, 0x80, 3))
    made = drawing(
        opening((4, 3), (4, 3)),
        whole(FRONT),
        ready(BACK),
        jam,
        wire.good(READY),
        empty,
        settings=SMALL,
    )
    assert made.remains() == (None, None)
    with pytest.raises(PaperJam):
        made.read()
    front, back = made.remains()
    assert front.samples.tobytes() == PIXELS
    assert back is None
    assert not made.draw()
    assert made.remains() == (None, None)


def test_nothing_remains_of_a_sheet_that_was_read(drawing):
    made = drawing(opening((4, 3), (4, 3)), whole(FRONT), whole(BACK), settings=SMALL)
    assert len(made.read()) == 2
    assert made.remains() == (None, None)


def test_a_model_that_sends_sides_in_turn_is_read_so(drawing, monkeypatch):
    monkeypatch.setattr(image, "BLOCK_BYTES", 8)
    steps = [
        ready(FRONT, 8),
        block(FRONT, PIXELS[:8]),
        block(FRONT, PIXELS[8:]),
        ready(BACK, 8),
        block(BACK, PIXELS[:8]),
        block(BACK, PIXELS[8:]),
    ]
    quirks = models.Quirks(sides_in_turn=True)
    drawing(opening((4, 3), (4, 3)), *steps, settings=SMALL, quirks=quirks).read()
