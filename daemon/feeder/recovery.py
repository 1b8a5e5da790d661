"""The ladder after a stall or a timeout, as far as it goes without opening the scanner anew.

    drain > clear both halts > 3 x TEST UNIT READY      else
    reset > 3 x TEST UNIT READY                         else the caller connects anew

Rule 1: each rung is logged and counted. Rule 2: no rung moves paper.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from daemon.errors import DeviceError
from daemon.feeder import fi
from daemon.feeder.fi import Control
from daemon.feeder.session import Session

log = logging.getLogger(__name__)

STEPS: Final = ("drain", "clear_halt", "test_unit_ready", "reset", "enumerate")
"""The names under which rungs are counted."""


def climb(session: Session, count: Callable[[str], None]) -> bool:
    """Get back in step; True when the scanner answers, False when it must be opened anew.

    Parameters
    ----------
    session
        The session that failed.
    count
        Called with the name of every rung.
    """
    link = session.link
    low = (link.drain, link.clear_halt, session.greet)
    high = (link.reset, session.greet)
    return _answers(session, tuple(zip(STEPS[:3], low, strict=True)), count) or _answers(
        session, tuple(zip(("reset", "test_unit_ready"), high, strict=True)), count
    )


def step(name: str, count: Callable[[str], None]) -> None:
    """Log and count one rung."""
    log.debug("recovery: %s", name)
    count(name)


def _answers(
    session: Session,
    rungs: Sequence[tuple[str, Callable[[], object]]],
    count: Callable[[str], None],
) -> bool:
    try:
        for name, act in rungs:
            step(name, count)
            act()
        session.once(fi.scanner_control(Control.CANCEL))  # any answer will do
    except DeviceError as error:
        log.debug("recovery: %s", error)
        return False
    return True
