"""Which scanner the paper comes from: one on USB, or the one made of software."""

from collections.abc import Sequence
from typing import Final

from daemon.config import Feeder
from daemon.demo.folder import FolderPaper
from daemon.errors import ConfigError
from daemon.feeder import link
from daemon.feeder.capture import NOTHING, Witness
from daemon.feeder.emulator import Emulator, Fault, Paper
from daemon.feeder.fi.window import A4_UNITS
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings

_A4_MM: Final = 297


def settings_of(config: Feeder) -> Settings:
    """Return what a configuration wants scanned of each sheet: always both sides of it."""
    longest_units = -(-config.longest_mm * 12_000 // 254)
    return Settings(
        dpi=config.dpi,
        mode=Mode(config.mode),
        paper_units=(A4_UNITS[0], longest_units),
        any_length=config.longest_mm > _A4_MM,
    )


def scanner_of(
    config: Feeder, settings: Settings | None = None, capture: Witness = NOTHING
) -> Scanner:
    """Return the scanner a configuration names; nothing is opened yet.

    Parameters
    ----------
    config
        Which scanner.
    settings
        What is scanned of each sheet; None: what the configuration says.
    capture
        Is told of what passes over the cable.

    Raises
    ------
    ConfigError, InputError
        If the emulator's paper or its hopper file cannot be used.
    """
    if config.device != "emulator":
        serial = None if config.device == "auto" else config.device
        asked = settings or settings_of(config)
        return Scanner(link.libusb_backend, serial=serial, settings=asked, capture=capture)
    if config.paper is None:
        raise ConfigError('feeder.device = "emulator" needs feeder.paper')
    paper = FolderPaper(config.paper)
    backend = LoopbackBackend(Emulator(paper, Hopper(len(paper), config.hopper_file)))
    return Scanner(lambda: backend, settings=settings or settings_of(config), capture=capture)


def emulated(paper: Paper, hopper: Hopper, config: Feeder, faults: Sequence[Fault] = ()) -> Scanner:
    """Return a driver whose scanner is made of software; its pages are virtual to the end."""
    backend = LoopbackBackend(Emulator(paper, hopper, faults))
    return Scanner(lambda: backend, settings=settings_of(config))
