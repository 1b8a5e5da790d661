"""A cable between two network namespaces: an appliance at this end, a court at the other.

Rule 1: only a process in a network namespace of its own may lay one. However it ends, the kernel
takes the other namespace and the cable away.
"""

import subprocess
from dataclasses import dataclass

HALL, COURT = "hall", "court"
HALL_ADDRESS, COURT_ADDRESS = "10.129.0.1", "10.129.0.2"
_BITS = 30
# It holds the other namespace until its input is closed.
_HOLDER = ("unshare", "--net", "sh", "-c", "ip link set lo up && echo laid && exec cat")


@dataclass
class Link:
    """The cable, once laid by `with`."""

    _holder: subprocess.Popen | None = None

    def __enter__(self):
        self._holder = subprocess.Popen(
            _HOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self._holder.stdout.readline() != "laid\n":
            raise RuntimeError("no network namespace could be made for the court")
        peer = ("peer", "name", COURT, "netns", str(self._holder.pid))
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "link", "add", HALL, "type", "veth", *peer)
        for end, address in ((HALL, HALL_ADDRESS), (COURT, COURT_ADDRESS)):
            self._ip(end, "address", "add", f"{address}/{_BITS}", "dev", end)
        self.mend()
        return self

    def __exit__(self, *_):
        self._holder.stdin.close()
        self._holder.wait()
        self._holder.stdout.close()

    @property
    def into_the_court(self):
        """A command that becomes another one, at the court's end."""
        return ("nsenter", f"--net=/proc/{self._holder.pid}/ns/net")

    def cut(self, end):
        """Pull the cable out at one end: there every route is gone, at the other all is silence."""
        self._ip(end, "link", "set", end, "down")

    def mend(self):
        """Plug the cable in at both ends."""
        for end in (HALL, COURT):
            self._ip(end, "link", "set", end, "up")

    def _ip(self, end, *words):
        _run(*(self.into_the_court if end == COURT else ()), "ip", *words)


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
