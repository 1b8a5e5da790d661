"""A filing hall on one machine: the real daemon, an emulated scanner, a clerk with hands."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from daemon import config
from daemon.commands.demo.paper import Printer, Shelf
from daemon.demo.clerk import ACTIONS, Clerk
from daemon.dossier import catalogue, payload
from daemon.errors import ConfigError, OperatorError
from daemon.feeder.emulator import Fault, FaultKind, Paper
from daemon.feeder.hopper import Hopper
from daemon.service import Service
from daemon.service.source import emulated

CONSUMER: Final = "court"
_KEEPS_FREE_BYTES: Final = 3 * 2**30
_FEWEST_FOR_FAULTS: Final = 6

MakePaper = Callable[[Printer], Paper]


class Hall:
    """Everything of a demonstration but the court.

    Parameters
    ----------
    make_paper
        Returns the stack, given the printer of its separators.
    state
        An empty folder for spool, key and socket.
    listen
        Address of the stream; port 0 takes a free one.
    """

    def __init__(self, make_paper: MakePaper, state: Path, listen: str) -> None:
        self._make_paper = make_paper
        self._round = 1
        self._rules = catalogue.load()
        key_file = state / "separator.key"
        key_file.write_bytes(payload.new_key_file())
        self._keys = payload.keys_from(key_file.read_bytes())
        self.config = _config(state, listen, key_file)
        _enough_room(state)
        paper = self._paper()
        self._shelf = Shelf(paper)
        self.hopper = Hopper(len(paper))
        self.faults = faults_for(len(paper))
        scanner = emulated(self._shelf, self.hopper, self.config.feeder, self.faults)
        self.service = Service(self.config, scanner)
        self.clerk = Clerk(self.hopper, lambda: self.service.flow.facts.cause)

    def _paper(self) -> Paper:
        return self._make_paper(Printer(self._rules, self._keys, self._round))

    @property
    def target(self) -> str:
        """Where the stream listens, once started."""
        return f"{self.config.stream.listen.rpartition(':')[0]}:{self.service.port}"

    @property
    def at_rest(self) -> bool:
        """True when the hopper is empty and every batch is closed."""
        pile = self.hopper.look()
        fed = pile.next_sheet == pile.sheets and not pile.in_path
        ledger = self.service.ledger
        return fed and not ledger.open_batches() and ledger.last()[0] > 0

    def attend(self) -> None:
        """Let the clerk look at the scanner once.

        Raises
        ------
        SuianError
            If the daemon has ended.
        OperatorError
            If the feeder is blocked by something no clerk of a demonstration can clear.
        """
        if self.service.ended:
            self.service.raise_what_failed()
        cause = self.service.flow.facts.cause
        if cause and cause not in ACTIONS:
            raise OperatorError("the feeder waits for a person", cause=cause)
        self.clerk.look()

    def lay_again(self) -> None:
        """Lay a fresh stack with freshly printed separators; the hopper must be empty."""
        self._round += 1
        self._shelf.lay(self._paper())
        self.hopper.take_back(len(self._shelf))

    def acknowledged(self) -> bool:
        """Tell whether the court has everything there is."""
        ledger = self.service.ledger
        cursors = [row.acknowledged for row in ledger.consumers() if row.name == CONSUMER]
        return cursors == [ledger.last()[0]]


def faults_for(sheets: int) -> Sequence[Fault]:
    """Return one double feed and one jam, so that recovery is seen; none in a small stack."""
    if sheets < _FEWEST_FOR_FAULTS:
        return ()
    return (
        Fault(sheets // 3, FaultKind.DOUBLE_FEED, "feed"),
        Fault(2 * sheets // 3, FaultKind.JAM, "read"),
    )


def _config(state: Path, listen: str, key_file: Path) -> config.Config:
    tree: dict[str, object] = {
        "appliance": {"name": "demo", "station": "演示", "department": "演示"},
        "spool": {"dir": str(state / "spool"), "hold_hours": 0, "allow_unsafe_disk": True},
        "dossier": {"key_file": str(key_file)},
        "stream": {"listen": listen, "control_socket": str(state / "control.sock")},
        "consumer": [{"name": CONSUMER, "secondary_volume": True}],
        "metrics": {"listen": "127.0.0.1:0"},
    }
    return config.validate(tree, "demo")


def _enough_room(state: Path) -> None:
    free_bytes = shutil.disk_usage(state).free
    if free_bytes < _KEEPS_FREE_BYTES:
        raise ConfigError(
            "the demonstration needs 3 GB of free disk: free some, or call it in another folder",
            folder=state,
            free_bytes=free_bytes,
        )
