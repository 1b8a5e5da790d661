"""An fi scanner made of software: a pure state machine behind two byte pipes.

Written from the protocol alone, and knowing nothing of the driver; standard library only. Which
model it is says a profile, what goes wrong say two scripts: one for the paper, one for the link.
What it does not simulate is said in `target.py`.
"""

from daemon.feeder.emulator.envelope import ENDPOINT_IN, ENDPOINT_OUT, VENDOR_ID
from daemon.feeder.emulator.faults import Fault, FaultKind
from daemon.feeder.emulator.link_faults import LinkFault, LinkFaultKind
from daemon.feeder.emulator.pipes import Emulator
from daemon.feeder.emulator.profile import FI_7160, FI_9999, PRODUCT_ID, Profile
from daemon.feeder.emulator.sense import Silence, Stall, Unplugged
from daemon.feeder.emulator.speed import Speed
from daemon.feeder.emulator.window import Paper, Window

__all__ = [
    "ENDPOINT_IN",
    "ENDPOINT_OUT",
    "FI_7160",
    "FI_9999",
    "PRODUCT_ID",
    "VENDOR_ID",
    "Emulator",
    "Fault",
    "FaultKind",
    "LinkFault",
    "LinkFaultKind",
    "Paper",
    "Profile",
    "Silence",
    "Speed",
    "Stall",
    "Unplugged",
    "Window",
]
