"""Which scanner the paper comes from: one on USB, or the one made of software."""

from collections.abc import Sequence

from daemon.config import Feeder
from daemon.demo.folder import FolderPaper
from daemon.errors import ConfigError
from daemon.feeder import link
from daemon.feeder.emulator import Emulator, Fault, Paper
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner


def scanner_of(config: Feeder) -> Scanner:
    """Return the scanner a configuration names; nothing is opened yet.

    Raises
    ------
    ConfigError, InputError
        If the emulator's paper or its hopper file cannot be used.
    """
    if config.device != "emulator":
        serial = None if config.device == "auto" else config.device
        return Scanner(
            link.libusb_backend, serial=serial, dpi=config.dpi, colour=config.mode == "colour"
        )
    if config.paper is None:
        raise ConfigError('feeder.device = "emulator" needs feeder.paper')
    paper = FolderPaper(config.paper)
    return emulated(paper, Hopper(len(paper), config.hopper_file), config)


def emulated(paper: Paper, hopper: Hopper, config: Feeder, faults: Sequence[Fault] = ()) -> Scanner:
    """Return a driver whose scanner is made of software; its pages are virtual to the end."""
    backend = LoopbackBackend(Emulator(paper, hopper, faults))
    return Scanner(lambda: backend, dpi=config.dpi, colour=config.mode == "colour")
