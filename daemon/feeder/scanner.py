"""One scanner: probe, arm, feed, read two sides, recover.

Rule 1: the state changes through the table of `transport.py` and in no other way.
Rule 2: after a device error nothing is asked of the scanner before `recover`; after an operator
error it waits for `cleared`.
Rule 3: it tells what proves where paper is (was it asked for, was the scanner in sight ever since,
what do its sensors say) and never guesses from that; `daemon/pipeline/unread.py` decides.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from daemon.errors import ConfigError, DeviceError, LinkLost, OperatorError
from daemon.feeder import models, probe, recovery, transport
from daemon.feeder.capture import NOTHING, Witness, recorded
from daemon.feeder.fi.status import HardwareStatus
from daemon.feeder.image import Face
from daemon.feeder.mechanism import Mechanism
from daemon.feeder.settings import Settings
from daemon.feeder.transport import Event, State
from daemon.feeder.usb_host import UsbHost
from daemon.page import PAPER_SIDES, DeviceIdentity, Scan, SheetId, Side

__all__ = ["HardwareStatus", "Scanner"]

log = logging.getLogger(__name__)

_A4_IN_COLOUR: Final = Settings()


class Scanner:
    """One fi-series scanner over USB; to be used by one thread.

    Parameters
    ----------
    backend
        Makes a fresh pyusb backend for every connection; `link.libusb_backend` for real hardware.
    serial
        Which scanner; None: the only one.
    settings
        What is scanned of each sheet.
    count
        Called with every step of a recovery, by the names of `recovery.STEPS`.
    capture
        Is told of every operation, and of what passes in it.
    host
        What this computer knows of its USB devices, and its time.
    """

    def __init__(
        self,
        backend: Callable[[], Any],
        *,
        serial: str | None = None,
        settings: Settings = _A4_IN_COLOUR,
        count: Callable[[str], None] = lambda _step: None,
        capture: Witness = NOTHING,
        host: UsbHost | None = None,
    ) -> None:
        self._backend = backend
        self._serial = serial
        self._settings = settings
        self._count = count
        self.capture = capture
        self._host = host
        self._models = models.load()
        self._state = State.ABSENT
        self._mechanism: Mechanism | None = None
        self._known: DeviceIdentity | None = None
        self._unbroken = False
        capture.driven(serial, settings)

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

    @property
    def kept_power(self) -> bool:
        """True while the scanner is the one that was last told to feed, and was not reset since.

        Only then does an empty path prove that the sheet it was told to feed is in the hopper.
        """
        session = self._mechanism.connection.session if self._mechanism else None
        return self._unbroken and session is not None and not session.was_reset

    @property
    def has_asked_for_paper(self) -> bool:
        """True when the last `feed` came so far as to tell the scanner."""
        return self._mechanism is not None and self._mechanism.has_asked

    def count_steps(self, count: Callable[[str], None]) -> None:
        """Call `count` with every step of a recovery, by the names of `recovery.STEPS`."""
        self._count = count

    @recorded
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
            status = self._connected().sensors()
        if status.sleeping and self._state is State.IDLE:
            self._go(Event.SLEPT)
        elif not status.sleeping and self._state is State.ASLEEP:
            self._go(Event.WOKE)
        return status

    @recorded
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

    @recorded
    def feed(self) -> bool:
        """Take the next sheet into the paper path; False when the hopper is empty.

        Raises
        ------
        OperatorError, DeviceError
            Why there is none.
        """
        mechanism = self._connected()
        self._go(Event.FEED)
        self._unbroken = True
        with self._watched():
            if mechanism.draw():
                return True
        self._go(Event.EMPTY)
        return False

    @recorded
    def read_sheet(self, sheet: SheetId) -> tuple[Scan, ...]:
        """Read the sheet in the path to its end; front and back, or in simplex the front.

        Raises
        ------
        OperatorError, DeviceError
            Why they could not be read.
        """
        mechanism = self._connected()
        self._go(Event.SCAN)
        with self._watched():
            faces = mechanism.read()
        self._go(Event.READ)
        log.debug("sheet %s is read", sheet)
        sides = zip(PAPER_SIDES, faces, strict=False)  # in simplex there is no back
        return tuple(self._scan(sheet, side, face) for side, face in sides)

    @recorded
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

    @recorded
    def cleared(self) -> None:
        """Take note that a person has cleared what blocked; the next `arm` starts anew.

        Raises
        ------
        DeviceError
            If the scanner fails.
        """
        self.finish()
        self._go(Event.CLEARED)

    def remains(self, sheet: SheetId) -> tuple[Scan, ...]:
        """Return what had come of the sheet whose reading failed; a face without a line is absent.

        To be asked for before anything else is done to the scanner.
        """
        if self._mechanism is None:
            return ()
        faces = zip((Side.FRONT, Side.BACK), self._mechanism.remains(), strict=False)
        return tuple(self._scan(sheet, side, face) for side, face in faces if face is not None)

    @recorded
    def recover(self) -> HardwareStatus:
        """Climb the ladder until the scanner answers; then it is idle, and nothing is set up.

        Returns the sensors as they were before anything was cancelled: what is cancelled may move
        the paper.

        Raises
        ------
        DeviceError
            If every step failed: the message says what to do.
        ConfigError
            As `poll`.
        """
        self._go(Event.RECOVER)
        if self._mechanism is not None:
            status = recovery.climb(
                self._mechanism.connection.session, self._mechanism.sensors, self._count
            )
            if status is not None:
                self._go(Event.PROBED)
                return status
            self._disconnect()
        recovery.step("enumerate", self._count)
        with self._watched():
            try:
                self._connect()
            except LinkLost:
                raise  # says already what a person can do
            except DeviceError as error:
                log.debug("recovery: %s", error)
                self._connect_after_reset()
            return self._connected().sensors()

    @recorded
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
        self._unbroken = False
        try:
            connection = probe.connect(
                self._backend(),
                self._models,
                self._serial,
                known=self._known,
                capture=self.capture,
                host=self._host,
            )
            self._known = connection.identity
            try:
                self._mechanism = Mechanism(connection, self._settings)
            except ConfigError:
                connection.close()
                raise
        except (probe.NotAttached, ConfigError):
            self._go(Event.NOT_FOUND)
            raise
        self._go(Event.PROBED)

    def _connect_after_reset(self) -> None:
        recovery.step("reset", self._count)
        probe.reset_silent(self._backend(), self._models, capture=self.capture, host=self._host)
        try:
            self._connect()
        except LinkLost:
            raise
        except DeviceError as error:
            raise type(error)(
                f"{error.message}; no step of recovery helps: switch the scanner off and on",
                **error.facts,
            ) from error

    def _disconnect(self) -> None:
        self._unbroken = False
        if self._mechanism is not None:
            self._mechanism.connection.close()
            self._mechanism = None

    def _scan(self, sheet: SheetId, side: Side, face: Face) -> Scan:
        return Scan(
            page_id=sheet.face(side),
            samples=face.samples,
            order=face.order,
            dpi=self._settings.dpi,
            captured_at=face.captured_at,
            virtual=self._known is not None and self._known.virtual,
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
