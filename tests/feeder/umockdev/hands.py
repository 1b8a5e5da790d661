"""Hands at the emulated scanner, near by or in another process over a socket.

    {"order": "take_back", "number": 2}     one JSON line to the carrier
    {"pile": {...}, "plugs": 1, ...}        and one back: what is seen afterwards
    {"refused": "..."}                      or why the order cannot be carried out

Standard library only.
"""

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from daemon.feeder.emulator import Emulator, Unplugged
from daemon.feeder.hopper import Hopper, Pile

SOCKET_VARIABLE: Final = "EMULATOR_HANDS"
"""In its environment a program in the testbed finds the socket's path; who starts the carrier may
choose it there, and give orders too."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of the scanner.

    Attributes
    ----------
    pile
        Where its paper lies.
    is_plugged, plugs
        Its cable, and how often it was plugged in.
    struck
        The faults of the link that have happened, by kind.
    """

    pile: Pile
    is_plugged: bool
    plugs: int
    struck: tuple[str, ...] = ()


class Refused(Exception):
    """The order cannot be carried out."""


class Orders:
    """What hands can be told to do; each order returns what is seen afterwards."""

    def order(self, name: str, number: int | None = None) -> Sight:
        """Carry out an order by its name; raises Refused."""
        raise Refused(f"nobody carries out {name} {number}")

    def look(self) -> Sight:
        """Only look."""
        return self.order("look")

    def unplug(self) -> Sight:
        """Pull the cable."""
        return self.order("unplug")

    def plug(self) -> Sight:
        """Plug the cable in again."""
        return self.order("plug")

    def power_cycle(self) -> Sight:
        """Switch the scanner off and on."""
        return self.order("power_cycle")

    def reset(self) -> Sight:
        """Have the scanner reset itself; refused while there is no cable."""
        return self.order("reset")

    def refeed(self) -> Sight:
        """Lay what is in the path back into the hopper."""
        return self.order("refeed")

    def take_back(self, sheets: int = 1) -> Sight:
        """Lay the last sheets of the out-tray back into the hopper."""
        return self.order("take_back", sheets)

    def open_cover(self) -> Sight:
        """Open the cover."""
        return self.order("open_cover")

    def close_cover(self) -> Sight:
        """Shut the cover."""
        return self.order("close_cover")

    def press_scan(self) -> Sight:
        """Press the Scan button."""
        return self.order("press_scan")


class Hands(Orders):
    """Hands at a scanner in this process.

    Parameters
    ----------
    emulator, hopper
        The scanner and its paper.
    alone
        Keeps programs away for the length of one order.
    """

    def __init__(
        self,
        emulator: Emulator,
        hopper: Hopper,
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._emulator = emulator
        self._hopper = hopper
        self._alone = alone
        self._acts: Final[dict[str, Callable[[], object]]] = {
            "look": lambda: None,
            "unplug": emulator.unplug,
            "plug": emulator.plug,
            "power_cycle": self._power_cycle,
            "reset": emulator.reset,
            "refeed": hopper.refeed,
            "open_cover": hopper.open_cover,
            "close_cover": hopper.close_cover,
            "press_scan": hopper.press_scan,
        }

    def order(self, name: str, number: int | None = None) -> Sight:
        """Carry out an order by its name; raises Refused."""
        with self._alone():
            try:
                if name == "take_back" and number is not None:
                    self._hopper.take_back(number)
                else:
                    self._acts[name]()
            except (KeyError, ValueError, Unplugged) as error:
                raise Refused(f"{name} {number}: {error!r}") from error
        emulator = self._emulator
        struck = tuple(fault.kind.value for fault in emulator.fired)
        return Sight(self._hopper.look(), emulator.is_plugged, emulator.plugs, struck)

    def _power_cycle(self) -> None:
        self._emulator.unplug()
        self._emulator.plug()


class FarHands(Orders):
    """Hands at a scanner in another process.

    Parameters
    ----------
    path
        The socket of the carrier.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def order(self, name: str, number: int | None = None) -> Sight:
        """Have an order carried out; raises Refused."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self._path)
            line.sendall(json.dumps({"order": name, "number": number}).encode() + b"\n")
            with line.makefile("r") as answers:
                answer = json.loads(answers.readline())
        if "refused" in answer:
            raise Refused(answer["refused"])
        pile = Pile(**{**answer["pile"], "fired": tuple(answer["pile"]["fired"])})
        return Sight(**{**answer, "pile": pile, "struck": tuple(answer["struck"])})


class HandsServer:
    """Hands that take orders over a socket, each connection in a thread of its own.

    Parameters
    ----------
    hands
        Who carries the orders out.
    path
        Where to listen.
    """

    def __init__(self, hands: Hands, path: Path) -> None:
        class Line(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for text in self.rfile:
                    self.wfile.write(json.dumps(_obeyed(hands, json.loads(text))).encode() + b"\n")

        self._server = socketserver.ThreadingUnixStreamServer(str(path), Line)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Take no more orders."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _obeyed(hands: Hands, order: dict[str, Any]) -> dict[str, Any]:
    try:
        return asdict(hands.order(order["order"], order.get("number")))
    except Refused as refused:
        return {"refused": str(refused)}
