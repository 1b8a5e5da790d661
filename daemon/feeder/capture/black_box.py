"""A capture that writes itself down: after every fault, and when somebody asks.

Rule 1: a full disk is no reason to stop feeding: a capture that cannot be written is said once.
"""

import logging
from pathlib import Path
from typing import Final

from daemon.errors import ConfigError, DeviceError, OperatorError
from daemon.feeder.capture import Capture

log = logging.getLogger(__name__)

ON_DEMAND: Final = "on_demand"


class BlackBox(Capture):
    """The last transfers, and a folder for them; no page is in it.

    Parameters
    ----------
    folder
        Made when the first capture is written; the newest few are kept.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._cannot_write = False

    def ended(self, result: object) -> None:
        """Note what an operation came to; a fault is written down."""
        super().ended(result)
        if isinstance(result, (DeviceError, OperatorError)):
            self.keep(result.label)

    def keep(self, reason: str) -> None:
        """Write down what is kept, if anything is new."""
        try:
            file = self.dump_into(self._folder, reason)
        except ConfigError as error:
            if not self._cannot_write:
                log.warning("no capture: %s", error)
            self._cannot_write = True
            return
        self._cannot_write = False
        if file is not None:
            log.info("what passed over the cable is in %s", file.name)
