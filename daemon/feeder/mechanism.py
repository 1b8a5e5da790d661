"""What a connected scanner does for a batch, command by command; it knows no states.

Rule 1: paper is asked for once. Only an answer that says it was not carried out, together with a
sensor that sees no paper, lets it be asked for a second time.
Rule 2: a scanner that was reset has lost its windows: between sheets it is set up again, with a
sheet in its path that sheet is lost.
"""

from contextlib import suppress
from typing import Final

from daemon.errors import LinkTimeout, OperatorError, ProtocolError
from daemon.feeder import arming, fi, image
from daemon.feeder.fi import Control, ModePage, Position
from daemon.feeder.fi import status as fi_status
from daemon.feeder.fi.sense import Verdict
from daemon.feeder.fi.status import HardwareStatus
from daemon.feeder.fi.window import ColourOrder
from daemon.feeder.image import Face, Sheet
from daemon.feeder.probe import Connection
from daemon.feeder.session import checked
from daemon.feeder.settings import Settings

_FEED_TRIES: Final = 2
_SET_UP_TRIES: Final = 3


class Mechanism:
    """Feeds and reads sheets.

    Parameters
    ----------
    connection
        The open scanner.
    settings
        What is scanned of each sheet.

    Raises
    ------
    ConfigError
        If the scanner cannot scan that.
    """

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.connection = connection
        self._session = connection.session
        self._window = arming.window_of(settings, connection.abilities, connection.quirks)
        self._orders: tuple[ColourOrder, ...] = tuple(ColourOrder)
        self._pages: frozenset[ModePage] | None = None
        self._sheet: Sheet | None = None
        self._is_set_up = False
        self.has_asked = False
        """Paper was asked for since `draw` was last called."""

    def sensors(self) -> HardwareStatus:
        """Read the sensors.

        Raises
        ------
        DeviceError
            If the scanner does not show them.
        """
        try:
            answer = self._session.ask(fi.hardware_status())
        except OperatorError as error:
            raise ProtocolError(
                f"the scanner does not show its sensors while it is blocked: {error.message}"
            ) from error
        return fi_status.parse_hardware_status(answer)

    def set_up(self) -> None:
        """Set the scanner up, from the beginning.

        Raises
        ------
        OperatorError, DeviceError
            What the scanner reports; it is not set up then.
        """
        self._is_set_up = False
        for _ in range(_SET_UP_TRIES):
            self._session.was_reset = False
            if self._pages is None:
                self._pages = arming.known_pages(self.connection, self._window)
                self._window = arming.within(self._window, self._pages)
            taken = arming.prepare(self.connection, self._window, self._pages, self._orders)
            self._orders = (taken,)
            if not self._session.was_reset:
                self._is_set_up = True
                return
        raise ProtocolError("the scanner is reset again and again: check its power supply")

    def draw(self) -> bool:
        """Bring the next sheet into place; False when there is none.

        Raises
        ------
        OperatorError, DeviceError
            What the scanner reports.
        """
        session = self._session
        self._sheet = None
        self.has_asked = False
        command = fi.object_position(Position.FEED)
        for _ in range(_FEED_TRIES):
            session.run(fi.test_unit_ready())  # what a pause has left to say is heard before
            if session.was_reset or not self._is_set_up:
                self.set_up()
            self.has_asked = True
            drawn = checked(session.once(command), command)
            if drawn.verdict is Verdict.EMPTY:
                return False
            carried_out = drawn.verdict is Verdict.GOOD
            ready = session.run(fi.test_unit_ready())
            if carried_out and ready.verdict is Verdict.GOOD and not session.was_reset:
                return True
            in_path = self.sensors().paper_in_path
            if session.was_reset and (carried_out or in_path):
                raise ProtocolError("the scanner was reset while a sheet was in its path")
            if carried_out or in_path:
                return in_path
        raise LinkTimeout("the scanner does not feed", command=command.name)

    def read(self) -> tuple[Face, ...]:
        """Read the sheet in place; front and back, or the front alone.

        Raises
        ------
        OperatorError, DeviceError
            What the scanner reports; what had come is in `remains` then.
        """
        in_turn = self.connection.quirks.sides_in_turn
        self._sheet = Sheet(self._window, self._orders[0], in_turn=in_turn)
        faces = image.read_sheet(self._session, self._sheet)
        self._sheet = None
        return faces

    def remains(self) -> tuple[Face | None, ...]:
        """Return the whole lines that came of a sheet that could not be read to its end.

        One for each side that is scanned; None: not one line. They hold until the next sheet is
        asked for.
        """
        if self._sheet is None:
            return (None,) * len(self._window.sides)
        return self._sheet.remains()

    def end(self) -> None:
        """End the batch, whatever a person still has to see to.

        Raises
        ------
        DeviceError
            If the scanner fails.
        """
        for command in arming.ending(self.connection.abilities, self._pages or frozenset()):
            with suppress(OperatorError):
                self._session.run(command)

    def break_off(self) -> None:
        """Cancel the scan that a person must see to; a blocked scanner may refuse even that.

        Raises
        ------
        DeviceError
            If the link fails.
        """
        if self.connection.abilities.scanner_control:
            self._session.once(fi.scanner_control(Control.CANCEL))
