"""What the service tells systemd: ready, alive, stopping."""

import os
import socket


def notify(state: str) -> None:
    """Send one state, such as "READY=1"; nothing happens when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto(state.encode(), name)
