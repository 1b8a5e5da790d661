"""Setting a scanner up for a batch: mode pages, windows, look-up table, lamp.

Rule 1: no sheet is taken in before the one before it is read: buffering and pre-pick are off.
Rule 2: only pages that the scanner knows are sent, and no page is asked for that locks a model up.
The bed stays dark, as delivered: the background page is not sent.
"""

import logging
from collections.abc import Iterator
from typing import Final

from daemon.errors import ConfigError
from daemon.feeder import fi
from daemon.feeder.fi import Command, Control, ModePage, Switch
from daemon.feeder.fi import window as fi_window
from daemon.feeder.fi.abilities import Abilities
from daemon.feeder.fi.sense import Verdict
from daemon.feeder.fi.window import Window
from daemon.feeder.models import Quirks
from daemon.feeder.probe import Connection

log = logging.getLogger(__name__)

SLEEP_MINUTES: Final = 15
_PAGES: Final = (ModePage.DOUBLE_FEED, ModePage.BUFFERING, ModePage.PRE_PICK, ModePage.SLEEP)


def check_window(window: Window, abilities: Abilities, quirks: Quirks) -> None:
    """See that the scanner can scan this.

    Raises
    ------
    ConfigError
        If resolution, colour or size are beyond it.
    """
    if not abilities.takes(window.dpi):
        raise ConfigError(
            "the scanner does not know this resolution: choose another in feeder.dpi",
            dpi=window.dpi,
        )
    if not (abilities.colour if window.colour else abilities.gray):
        raise ConfigError("the scanner does not know this mode: choose another in feeder.mode")
    longest = quirks.longest(window.dpi, abilities.max_length_units)
    width, length = window.paper_units
    if width > abilities.max_width_units or length > longest:
        raise ConfigError(
            "the scanner cannot take A4 at this resolution: choose another in feeder.dpi",
            dpi=window.dpi,
        )


def known_pages(connection: Connection) -> frozenset[ModePage]:
    """Ask which of the mode pages that are used the scanner knows.

    Raises
    ------
    OperatorError, DeviceError
        What the scanner reports.
    """
    known = frozenset(
        page
        for page in _PAGES
        if page not in connection.quirks.never_mode_sense and _knows(connection, page)
    )
    if not connection.abilities.double_feed or ModePage.DOUBLE_FEED not in known:
        log.warning("%s cannot find double feeds", connection.identity.model)
    return known


def prepare(connection: Connection, window: Window, pages: frozenset[ModePage]) -> None:
    """Set the scanner up.

    Raises
    ------
    OperatorError, DeviceError
        What the scanner reports.
    """
    for command in _commands(connection.abilities, window, pages):
        connection.session.do(command)


def ending(abilities: Abilities, pages: frozenset[ModePage]) -> Iterator[Command]:
    """Give the commands that end a batch."""
    if abilities.scanner_control:
        yield fi.scanner_control(Control.CANCEL)
    if ModePage.BUFFERING in pages:
        yield fi.buffering(Switch.OFF)


def _commands(
    abilities: Abilities, window: Window, pages: frozenset[ModePage]
) -> Iterator[Command]:
    by_page = {
        ModePage.SLEEP: fi.sleep_timer(SLEEP_MINUTES),
        ModePage.DOUBLE_FEED: fi.double_feed(protect=abilities.paper_protection),
        ModePage.BUFFERING: fi.buffering(Switch.OFF),
        ModePage.PRE_PICK: fi.pre_pick(Switch.OFF),
    }
    yield from (command for page, command in by_page.items() if page in pages)
    gamma = abilities.downloadable_gamma
    yield fi.set_window(fi_window.descriptors(window, downloaded_gamma=gamma))
    if gamma:
        yield fi.send_lut(abilities.table_bits)
    if abilities.scanner_control:
        yield fi.scanner_control(Control.LAMP_ON)


def _knows(connection: Connection, page: ModePage) -> bool:
    """Tell whether a page is known: a refusal, or anything but a whole answer, says no."""
    reply = connection.session.attempt(fi.mode_sense(page))
    return reply.verdict is Verdict.GOOD and reply.count == fi.MODE_SENSE_BYTES
