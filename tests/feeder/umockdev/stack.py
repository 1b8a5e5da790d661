"""A scanner and its paper, as one process tells another to build them: JSON both ways.

Standard library only.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

from daemon.feeder.emulator import (
    FI_7160,
    FI_9999,
    Emulator,
    Fault,
    FaultKind,
    LinkFault,
    LinkFaultKind,
)
from daemon.feeder.hopper import Hopper
from tests.feeder import tiles
from tests.feeder.noise import NoisePaper

_PAPERS: Final = {"noise": NoisePaper, "tiles": tiles.Paper}
_PROFILES: Final = {profile.product: profile for profile in (FI_7160, FI_9999)}


@dataclass(frozen=True, slots=True)
class Stack:
    """Sheets of "noise" or "tiles", what goes wrong with them and the link, in which scanner."""

    sheets: int = 3
    faults: tuple[Fault, ...] = ()
    link_faults: tuple[LinkFault, ...] = ()
    product: str = FI_7160.product
    paper: str = "noise"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "sheets": self.sheets,
            "faults": [[fault.sheet, fault.kind.value, fault.when] for fault in self.faults],
            "link_faults": [asdict(fault) for fault in self.link_faults],
            "product": self.product,
            "paper": self.paper,
        }

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> "Stack":
        """Return what `to_json` was made from."""
        return cls(
            tree["sheets"],
            tuple(Fault(sheet, FaultKind(kind), when) for sheet, kind, when in tree["faults"]),
            tuple(
                LinkFault(**{**fault, "kind": LinkFaultKind(fault["kind"])})
                for fault in tree["link_faults"]
            ),
            tree["product"],
            tree["paper"],
        )

    def build(self) -> tuple[Emulator, Hopper]:
        """Make the scanner, with the paper in its hopper."""
        hopper = Hopper(self.sheets)
        emulator = Emulator(
            _PAPERS[self.paper](self.sheets),
            hopper,
            self.faults,
            profile=_PROFILES[self.product],
            link_faults=self.link_faults,
        )
        return emulator, hopper
