"""The ladder after a stall or a timeout, as far as it goes without opening the scanner anew.

    drain > clear both halts > 3 x TEST UNIT READY      else
    reset > 3 x TEST UNIT READY                         else the caller connects anew; resets what
                                                        does not say who it is, and connects anew;
                                                        and then a person switches it off and on

Rule 1: each rung is logged and counted. Rule 2: no rung moves paper. Rule 3: once the scanner
answers its sensors are read first, and only then is what is left of a scan cancelled: a cancel may
move paper, and where a sheet lies decides its fate. Rule 4: an answer to TEST UNIT READY may be
the late answer to something else; sensors are believed only after the scanner has said who it is.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from daemon.errors import DeviceError, OperatorError
from daemon.feeder import fi, probe
from daemon.feeder.fi import Control
from daemon.feeder.fi.status import HardwareStatus
from daemon.feeder.session import Session

log = logging.getLogger(__name__)

STEPS: Final = ("drain", "clear_halt", "test_unit_ready", "reset", "enumerate")
"""The names under which rungs are counted."""


def climb(
    session: Session, look: Callable[[], HardwareStatus], count: Callable[[str], None]
) -> HardwareStatus | None:
    """Get back in step; None when the scanner must be opened anew.

    Parameters
    ----------
    session
        The session that failed.
    look
        Reads the sensors.
    count
        Called with the name of every rung.

    Returns the sensors as they were before the scan was cancelled.
    """
    link = session.link

    def greet() -> None:
        with suppress(OperatorError):  # it is in step, and blocked
            probe.who(session)

    low = zip(STEPS[:3], (link.drain, link.clear_halt, greet), strict=True)
    high = zip(("reset", "test_unit_ready"), (link.reset, greet), strict=True)
    for rungs in (low, high):
        try:
            for name, act in rungs:
                step(name, count)
                act()
            status = look()
            session.once(fi.scanner_control(Control.CANCEL))  # any answer will do
        except DeviceError as error:
            log.debug("recovery: %s", error)
        else:
            return status
    return None


def step(name: str, count: Callable[[str], None]) -> None:
    """Log and count one rung."""
    log.debug("recovery: %s", name)
    count(name)
