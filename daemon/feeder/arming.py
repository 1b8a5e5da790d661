"""Setting a scanner up for a batch: mode pages, windows, look-up table, lamp.

Rule 1: no sheet is taken in before the one before it is read: buffering and pre-pick are off.
Rule 2: only pages that the scanner knows are sent, and no page is asked for that locks a model up.
Rule 3: a page that is known is sent whole: what the last program left there does not hold.
Rule 4: what a scanner cannot do at all is refused before paper moves; what only helps (a double
feed found, a sheet's end, a margin) is left out, and said once.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from daemon.errors import ConfigError
from daemon.feeder import fi
from daemon.feeder.fi import Command, Control, ModePage, Switch
from daemon.feeder.fi import window as fi_window
from daemon.feeder.fi.abilities import Abilities
from daemon.feeder.fi.sense import Verdict
from daemon.feeder.fi.window import ColourOrder, Mode, Window
from daemon.feeder.models import Quirks
from daemon.feeder.probe import Connection
from daemon.feeder.settings import Settings

log = logging.getLogger(__name__)

SLEEP_MINUTES: Final = 15


def window_of(settings: Settings, abilities: Abilities, quirks: Quirks) -> Window:
    """Return what is scanned of each side, as far as the scanner reaches.

    Raises
    ------
    ConfigError
        If the scanner cannot scan this: see `check_window`.
    """
    bare = Window(
        settings.paper_units,
        settings.dpi,
        settings.mode,
        duplex=settings.duplex,
        any_length=settings.any_length,
        width_multiple=quirks.width_multiple(settings.mode),
    )
    check_window(bare, abilities, quirks)
    if not settings.overscan:
        return bare
    largest = (abilities.max_width_units, quirks.longest(bare.dpi, abilities.max_length_units))
    across, along = (
        min(margin, (limit - paper) // 2)
        for margin, limit, paper in zip(
            abilities.margins_units, largest, bare.paper_units, strict=True
        )
    )
    return _with_margins(bare, (across, along))


def check_window(window: Window, abilities: Abilities, quirks: Quirks) -> None:
    """See that the scanner can scan this.

    Raises
    ------
    ConfigError
        If sides, resolution, mode or size are beyond it.
    """
    if window.duplex and not abilities.duplex:
        raise ConfigError(
            "the scanner does not see both sides at once: attach one that does (suian scan "
            "--simplex tries this one)"
        )
    if not abilities.takes(window.dpi):
        raise ConfigError(
            "the scanner does not know this resolution: choose another in feeder.dpi",
            dpi=window.dpi,
        )
    known = {
        Mode.LINE_ART: abilities.line_art,
        Mode.GRAY: abilities.gray,
        Mode.COLOUR: abilities.colour,
    }
    if not known[window.mode]:
        raise ConfigError(
            "the scanner does not know this mode: choose another in feeder.mode", mode=window.mode
        )
    _check_size(
        window, abilities.max_width_units, quirks.longest(window.dpi, abilities.max_length_units)
    )


def known_pages(connection: Connection, window: Window) -> frozenset[ModePage]:
    """Ask which of the mode pages that are used the scanner knows.

    Raises
    ------
    OperatorError, DeviceError
        What the scanner reports.
    """
    known = frozenset(
        page
        for page in ModePage
        if page not in connection.quirks.never_mode_sense and _knows(connection, page)
    )
    model = connection.identity.model
    if not connection.abilities.double_feed or ModePage.DOUBLE_FEED not in known:
        log.warning("%s cannot find double feeds", model)
    if window.any_length and ModePage.AUTO_SIZE not in known:
        log.warning(
            "%s cannot find where a sheet ends: every page is as long as the longest", model
        )
    return known


def within(window: Window, pages: frozenset[ModePage]) -> Window:
    """Return the window without margins if they cannot be switched on."""
    if not window.overscan or ModePage.AUTO_SIZE in pages:
        return window
    return _with_margins(window, (0, 0))


def prepare(
    connection: Connection,
    window: Window,
    pages: frozenset[ModePage],
    orders: Sequence[ColourOrder],
) -> ColourOrder:
    """Set the scanner up, and return which order of the colours it took of those offered.

    Raises
    ------
    OperatorError, DeviceError
        What the scanner reports.
    """
    session = connection.session
    for command in _pages(connection.abilities, window, pages):
        session.do(command)
    taken = _set_window(connection, window, orders)
    if connection.abilities.downloadable_gamma:
        session.do(fi.send_lut(connection.abilities.table_bits))
    if connection.abilities.scanner_control:
        session.do(fi.scanner_control(Control.LAMP_ON))
    return taken


def ending(abilities: Abilities, pages: frozenset[ModePage]) -> Iterator[Command]:
    """Give the commands that end a batch."""
    if abilities.scanner_control:
        yield fi.scanner_control(Control.CANCEL)
    if ModePage.BUFFERING in pages:
        yield fi.buffering(Switch.OFF)


def _pages(abilities: Abilities, window: Window, pages: frozenset[ModePage]) -> Iterator[Command]:
    by_page = {
        ModePage.SLEEP: fi.sleep_timer(SLEEP_MINUTES),
        ModePage.AUTO_SIZE: fi.auto_size(length=window.any_length, overscan=window.overscan),
        ModePage.DOUBLE_FEED: fi.double_feed(
            by_length=not window.any_length, protect=abilities.paper_protection
        ),
        ModePage.BACKGROUND: fi.background(),
        ModePage.DROP_OUT: fi.drop_out(),
        ModePage.BUFFERING: fi.buffering(Switch.OFF),
        ModePage.PRE_PICK: fi.pre_pick(Switch.OFF),
    }
    yield from (command for page, command in by_page.items() if page in pages)


def _set_window(
    connection: Connection, window: Window, orders: Sequence[ColourOrder]
) -> ColourOrder:
    """Offer one order of the colours after the other until one is taken."""
    *others, last = orders if window.mode is Mode.COLOUR else orders[:1]
    for order in others:
        command = _windows(window, connection.abilities, order)
        if not connection.session.offer(command).is_refusal:
            return order
        log.debug("colours are not taken in the order %s", order.name)
    connection.session.do(_windows(window, connection.abilities, last))
    return last


def _windows(window: Window, abilities: Abilities, order: ColourOrder) -> Command:
    return fi.set_window(fi_window.descriptors(window, abilities, order))


def _with_margins(window: Window, margins_units: tuple[int, int]) -> Window:
    if not any(margins_units):
        log.warning("the scanner cannot see beyond the edges of the paper")
    return replace(window, margins_units=margins_units)


def _check_size(window: Window, width_units: int, longest_units: int) -> None:
    width, length = window.paper_units
    if width > width_units or (length > longest_units and not window.any_length):
        raise ConfigError(
            "the scanner cannot take A4 at this resolution: choose another in feeder.dpi",
            dpi=window.dpi,
        )
    if length > longest_units:
        raise ConfigError(
            "the scanner cannot take paper this long at this resolution: choose less in "
            "feeder.longest_mm or in feeder.dpi",
            dpi=window.dpi,
            longest_mm=longest_units * 254 // 12000,
        )


def _knows(connection: Connection, page: ModePage) -> bool:
    """Tell whether a page is known: a refusal, or anything but a whole answer, says no."""
    reply = connection.session.offer(fi.mode_sense(page))
    return reply.verdict is Verdict.GOOD and reply.count == fi.MODE_SENSE_BYTES
