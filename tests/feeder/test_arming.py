"""Setting up: what is refused before paper moves, what is sent, and which colours are taken."""

import pytest

from daemon.errors import ConfigError, ProtocolError
from daemon.feeder import arming, fi, models, probe
from daemon.feeder.fi import ModePage
from daemon.feeder.fi import window as fi_window
from daemon.feeder.fi.abilities import parse_abilities
from daemon.feeder.fi.window import A4_UNITS, ColourOrder, Mode, Window
from daemon.feeder.link import Link, attached
from daemon.feeder.models import Quirks
from daemon.feeder.session import Session
from daemon.feeder.settings import Settings
from daemon.page import DeviceIdentity
from tests.feeder import wire

PAGE = {
    "x09": 0x11,
    "x1c": 0x8A,  # line-art, gray, colour
    "x20": 0x90,  # feeder, both sides
    "x21": 0x30,  # double feed, paper protection
    "x65": 59,  # 118 units across
    "x67": 118,  # 236 along
}
ABLE = parse_abilities(wire.page_f0(**PAGE))
GRAY = Window(A4_UNITS, 200, Mode.GRAY)
COLOUR = Window(A4_UNITS, 200, Mode.COLOUR)
ALL_PAGES = frozenset(ModePage)
UNKNOWN = wire.sense(5, 0x24, 0)
REFUSED = wire.sense(5, 0x26, 0, offending=8 + 0x2A)


def able(**at):
    return parse_abilities(wire.page_f0(**(PAGE | at)))


@pytest.fixture
def connected():
    """A connection over a script."""
    opened = []

    def over(*steps, abilities=ABLE, quirks=None):
        backend = wire.Script(*steps)
        link = Link(attached(backend, models.load())[0], backend)
        opened.append((link, backend))
        session = Session(link, pause=lambda _: None)
        identity = DeviceIdentity("FUJITSU", "fi-9999", "1", "0A00")
        return probe.Connection(session, identity, abilities, quirks or Quirks())

    yield over
    for link, backend in opened:
        link.close()
        assert not backend.steps


def window_of(abilities=ABLE, quirks=None, **settings):
    return arming.window_of(Settings(**settings), abilities, quirks or Quirks())


# -- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("abilities", "settings", "key"),
    [
        (ABLE, {"dpi": 601}, r"feeder\.dpi.*dpi=601"),
        (able(x1c=0x08), {}, r"feeder\.mode.*mode=colour"),
        (able(x1c=0x80), {"mode": Mode.GRAY}, r"feeder\.mode.*mode=gray"),
        (able(x1c=0x88), {"mode": Mode.LINE_ART}, r"feeder\.mode.*mode=lineart"),
        (able(x16=0, x17=1), {}, r"feeder\.dpi"),
        (able(x1a=0, x1b=1), {}, r"A4.*feeder\.dpi"),
        (ABLE, {"paper_units": (9921, 40772), "any_length": True}, r"feeder\.longest_mm.*=355"),
        (able(x20=0x80), {}, "--simplex"),
    ],
    ids=["dpi", "colour", "gray", "line-art", "width", "length", "long paper", "both sides"],
)
def test_what_the_scanner_cannot_do_is_refused_by_the_name_of_the_key(abilities, settings, key):
    with pytest.raises(ConfigError, match=key):
        window_of(abilities, **settings)


def test_a_scanner_of_one_side_is_good_for_one_side():
    assert not window_of(able(x20=0x80), duplex=False).duplex


def test_long_paper_is_taken_where_the_model_is_known_to_take_it():
    quirks = models.load().quirks("fi-7160")
    long = {"paper_units": (9921, 40772), "any_length": True}
    assert window_of(ABLE, quirks, dpi=300, **long).height_px == 40772 // 4
    with pytest.raises(ConfigError, match=r"feeder\.longest_mm"):
        window_of(ABLE, quirks, dpi=600, **long)


# -- what is scanned -------------------------------------------------------------------------


def test_overscan_widens_the_window_by_the_margins_of_page_f0():
    assert window_of(overscan=True).margins_units == (118, 236)
    assert window_of().margins_units == (0, 0)


def test_margins_end_where_the_scanner_does():
    narrow = able(x16=0x13, x17=0xA0)  # 5024 / 600 inch: 10048 units, 127 more than A4
    assert window_of(narrow, overscan=True).margins_units == (63, 236)


def test_without_margins_or_their_page_the_window_is_the_paper_and_that_is_said(caplog):
    assert not window_of(able(x65=0, x67=0), overscan=True).overscan
    assert "beyond the edges" in caplog.text
    caplog.clear()
    window = window_of(overscan=True)
    assert arming.within(window, ALL_PAGES) == window
    assert not caplog.text
    assert not arming.within(window, frozenset()).overscan
    assert "beyond the edges" in caplog.text


# -- pages -----------------------------------------------------------------------------------


def test_pages_that_lock_a_model_up_are_not_asked_for(connected):
    quirks = Quirks(never_mode_sense=frozenset({0x3C, 0x34}))
    asked = [wire.good(fi.mode_sense(page), bytes(20)) for page in (0x33, 0x37, 0x38, 0x39, 0x3A)]
    known = arming.known_pages(connected(*asked, quirks=quirks), GRAY)
    assert known == ALL_PAGES - {ModePage.AUTO_SIZE, ModePage.SLEEP}


@pytest.mark.parametrize("answer", [wire.checked, wire.good], ids=["refused", "short"])
def test_a_page_that_is_refused_or_answered_in_part_is_not_known(connected, answer, caplog):
    part = UNKNOWN if answer is wire.checked else bytes(12)
    asked = [answer(fi.mode_sense(page), part) for page in ModePage]
    window = Window(A4_UNITS, 200, Mode.GRAY, any_length=True)
    assert arming.known_pages(connected(*asked), window) == frozenset()
    assert "fi-9999 cannot find double feeds" in caplog.text
    assert "fi-9999 cannot find where a sheet ends" in caplog.text


def sent_pages(window, abilities=ABLE):
    by_length = not window.any_length
    return [
        wire.good(command)
        for command in (
            fi.sleep_timer(15),
            fi.auto_size(length=window.any_length, overscan=window.overscan),
            fi.double_feed(by_length=by_length, protect=abilities.paper_protection),
            fi.background(),
            fi.drop_out(),
            fi.buffering(fi.Switch.OFF),
            fi.pre_pick(fi.Switch.OFF),
        )
    ]


@pytest.mark.parametrize(
    "window",
    [
        GRAY,
        Window(A4_UNITS, 200, Mode.GRAY, any_length=True),
        Window(A4_UNITS, 200, Mode.GRAY, margins_units=(10, 10)),
    ],
    ids=["A4", "any length", "overscan"],
)
def test_every_known_page_is_sent_whole_before_the_windows(connected, window):
    windows = fi.set_window(fi_window.descriptors(window, ABLE, ColourOrder.DOT_RGB))
    connection = connected(*sent_pages(window), wire.good(windows))
    arming.prepare(connection, window, ALL_PAGES, tuple(ColourOrder))


def test_a_table_and_the_lamp_follow_the_windows(connected):
    abilities = able(x57=1, x21=0x3A, x31=2)
    windows = fi.set_window(fi_window.descriptors(GRAY, abilities, ColourOrder.DOT_RGB))
    connection = connected(
        wire.good(windows),
        wire.good(fi.send_lut(10)),
        wire.good(fi.scanner_control(fi.Control.LAMP_ON)),
        abilities=abilities,
    )
    arming.prepare(connection, GRAY, frozenset(), tuple(ColourOrder))


# -- the order of the colours ----------------------------------------------------------------


def offered(order, window=COLOUR):
    return fi.set_window(fi_window.descriptors(window, ABLE, order))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_orders_of_the_colours_are_offered_until_one_is_taken(connected, count):
    orders = tuple(ColourOrder)
    steps = [wire.checked(offered(order), REFUSED) for order in orders[:count]]
    connection = connected(*steps, wire.good(offered(orders[count])))
    assert arming.prepare(connection, COLOUR, frozenset(), orders) is orders[count]


def test_windows_that_are_refused_in_every_order_are_an_error(connected):
    orders = tuple(ColourOrder)
    connection = connected(*(wire.checked(offered(order), REFUSED) for order in orders))
    with pytest.raises(ProtocolError, match=r"5/26/00.*byte=50"):
        arming.prepare(connection, COLOUR, frozenset(), orders)


def test_a_window_without_colours_is_offered_once(connected):
    connection = connected(wire.checked(offered(ColourOrder.DOT_RGB, GRAY), REFUSED))
    with pytest.raises(ProtocolError, match="5/26/00"):
        arming.prepare(connection, GRAY, frozenset(), tuple(ColourOrder))


def test_a_scanner_that_fails_while_it_is_offered_colours_is_not_offered_more(connected):
    broken = wire.checked(offered(ColourOrder.DOT_RGB), wire.sense(0xB, 0x47, 0))
    with pytest.raises(ProtocolError, match="parity"):
        arming.prepare(connected(broken), COLOUR, frozenset(), tuple(ColourOrder))
