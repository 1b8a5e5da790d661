"""The daemon's control socket, as the local commands dial it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from daemon.errors import ConfigError, ContractError
from daemon.stream.court.dial import status_of


@contextmanager
def control(socket: Path) -> Iterator[grpc.Channel | None]:
    """Lend a channel to the daemon; None when there is no socket. Errors of calls are translated.

    Raises
    ------
    ConfigError
        If the socket is not for this user.
    ContractError
        If the daemon refuses, does not answer, or is down.
    """
    if not is_there(socket):
        yield None
        return
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            raise ContractError(_sentence(error), status=status_of(error).name) from error


def is_there(socket: Path) -> bool:
    """Tell whether a daemon has opened its socket; raises ConfigError when that is not for us."""
    try:
        return socket.exists()
    except PermissionError as error:
        raise ConfigError("only the group of the daemon may ask it", socket=socket) from error


def _sentence(error: grpc.RpcError) -> str:
    said = error.details() if isinstance(error, grpc.Call) else ""
    if status_of(error) is grpc.StatusCode.UNAVAILABLE:
        return f"the daemon is down or just starts: start it, then say it again ({said})"
    if status_of(error) is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "the daemon runs and does not answer; see journalctl -u suian"
    return said or "the daemon refuses"
