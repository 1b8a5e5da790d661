"""One scanner: probe, arm, feed, read two sides, recover.

Rule 1: the state changes through the table of `transport.py` and in no other way.
Rule 2: after a device error nothing is asked of the scanner before `recover`; after an operator
error it waits for `cleared`.
Rule 3: where it cannot be known whether paper has moved, it has.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from daemon.errors import ConfigError, DeviceError, LinkLost, OperatorError
from daemon.feeder import models, probe, recovery, transport
from daemon.feeder.fi.status import HardwareStatus
from daemon.feeder.fi.window import A4_UNITS, Window
from daemon.feeder.image import Face
from daemon.feeder.mechanism import Mechanism
from daemon.feeder.transport import Event, State
from daemon.page import DeviceIdentity, SampleOrder, Scan, SheetId, Side

__all__ = ["HardwareStatus", "Scanner"]

log = logging.getLogger(__name__)


class Scanner:
    """One fi-series scanner over USB; to be used by one thread.

    Parameters
    ----------
    backend
        Makes a fresh pyusb backend for every connection; `link.libusb_backend` for real hardware.
    serial
        Which scanner; None: the only one.
    dpi, colour
        How both sides of an A4 sheet are scanned.
    count
        Called with every step of a recovery, by the names of `recovery.STEPS`.
    """

    def __init__(
        self,
        backend: Callable[[], Any],
        *,
        serial: str | None = None,
        dpi: int = 300,
        colour: bool = True,
        count: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self._backend = backend
        self._serial = serial
        self._window = Window(A4_UNITS, dpi, colour)
        self._count = count
        self._models = models.load()
        self._state = State.ABSENT
        self._mechanism: Mechanism | None = None
        self._known: DeviceIdentity | None = None

    @property
    def state(self) -> State:
        """Where the paper path stands."""
        return self._state

    @property
    def identity(self) -> DeviceIdentity:
        """Which scanner is connected; raises LinkLost when none is."""
        return self._connected().connection.identity

    @property
    def known_identity(self) -> DeviceIdentity | None:
        """Which scanner is, or was last, connected."""
        return self._known

    def poll(self) -> HardwareStatus:
        """Read the sensors; connects first if there is no connection.

        Raises
        ------
        DeviceError
            If the scanner is not there or does not answer.
        ConfigError
            If it cannot be said which scanner is meant, or it cannot do what is configured.
        """
        with self._watched():
            if self._state is State.ABSENT:
                self._go(Event.CONNECT)
                self._connect()
            return self._connected().sensors()

    def arm(self) -> None:
        """Set the scanner up for a batch.

        Raises
        ------
        DeviceError
            If the scanner fails. What a person must see to (an open cover) is left to `feed`.
        """
        mechanism = self._connected()
        self._go(Event.ARM)
        with self._watched(), suppress(OperatorError):
            mechanism.set_up()

    def feed(self) -> bool:
        """Take the next sheet into the paper path; False when the hopper is empty.

        Raises
        ------
        OperatorError, DeviceError
            Why there is none.
        """
        mechanism = self._connected()
        self._go(Event.FEED)
        with self._watched():
            if mechanism.draw():
                return True
        self._go(Event.EMPTY)
        return False

    def read_sheet(self, sheet: SheetId) -> tuple[Scan, Scan]:
        """Read both sides of the sheet in the path to their end; front, back.

        Raises
        ------
        OperatorError, DeviceError
            Why they could not be read.
        """
        mechanism = self._connected()
        self._go(Event.SCAN)
        with self._watched():
            front, back = mechanism.read()
        self._go(Event.READ)
        log.debug("sheet %s is read", sheet)
        return self._scan(sheet, Side.FRONT, front), self._scan(sheet, Side.BACK, back)

    def finish(self) -> None:
        """End the batch; harmless when there is none.

        Raises
        ------
        DeviceError
            If the scanner fails.
        """
        if self._state not in {State.ARMED, State.FEEDING, State.SCANNING}:
            return
        self._go(Event.FINISH)
        with self._watched():
            self._connected().end()

    def cleared(self) -> None:
        """Take note that a person has cleared what blocked; the next `arm` starts anew.

        Raises
        ------
        DeviceError
            If the scanner fails.
        """
        self.finish()
        self._go(Event.CLEARED)

    def paper_in_path(self) -> bool:
        """Tell whether there is paper in the path; True when it cannot be known.

        A link that fails here fails again, and is reported, at the next command.
        """
        try:
            with self._watched():
                return self._connected().sensors().paper_in_path
        except DeviceError as error:
            log.debug("the sensors do not answer: %s", error)
            return True

    def recover(self) -> None:
        """Climb the ladder until the scanner answers; then it is idle, and nothing is set up.

        Raises
        ------
        DeviceError
            If every step failed: the message says what to do.
        ConfigError
            As `poll`.
        """
        self._go(Event.RECOVER)
        if self._mechanism is not None:
            if recovery.climb(self._mechanism.connection.session, self._count):
                self._go(Event.PROBED)
                return
            self._disconnect()
        recovery.step("enumerate", self._count)
        with self._watched():
            try:
                self._connect()
            except LinkLost:
                raise  # says already what a person can do
            except DeviceError as error:
                raise type(error)(
                    f"{error.message}; no step of recovery helps: switch the scanner off and on",
                    **error.facts,
                ) from error

    def close(self) -> None:
        """End the batch if one runs, and give the scanner back."""
        with suppress(DeviceError):  # it is given back whether it answers or not
            self.finish()
        self._disconnect()
        self._go(Event.CLOSE)

    def _connected(self) -> Mechanism:
        if self._mechanism is None or self._state is State.LOST:
            raise LinkLost("there is no connection to the scanner")
        return self._mechanism

    def _connect(self) -> None:
        try:
            connection = probe.connect(self._backend(), self._models, self._serial)
            self._known = connection.identity
            try:
                self._mechanism = Mechanism(connection, self._window)
            except ConfigError:
                connection.close()
                raise
        except (probe.NotAttached, ConfigError):
            self._go(Event.NOT_FOUND)
            raise
        self._go(Event.PROBED)

    def _disconnect(self) -> None:
        if self._mechanism is not None:
            self._mechanism.connection.close()
            self._mechanism = None

    def _scan(self, sheet: SheetId, side: Side, face: Face) -> Scan:
        colour = self._window.colour
        return Scan(
            page_id=sheet.face(side),
            samples=face.samples,
            order=SampleOrder.RGB_INVERTED if colour else SampleOrder.GRAY_INVERTED,
            dpi=self._window.dpi,
            captured_at=face.captured_at,
            virtual=self.identity.virtual,
            incomplete=face.incomplete,
        )

    def _go(self, event: Event) -> None:
        before, self._state = self._state, transport.step(self._state, event)
        log.debug("%s: %s > %s", event, before, self._state)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Let an error change the state before it goes on its way."""
        try:
            yield
        except OperatorError:
            if self._state in {State.FEEDING, State.SCANNING}:
                self._go(Event.BLOCKED)
                self._break_off()
            raise
        except DeviceError:
            if self._state is not State.ABSENT:
                self._go(Event.FAILED)
            raise

    def _break_off(self) -> None:
        try:
            self._connected().break_off()
        except DeviceError:
            # The error under way is the person's; that the link failed too is told by the next
            # command.
            self._go(Event.FAILED)
