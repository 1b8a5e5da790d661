"""Health of each service, for load balancers and probes (grpc.health.v1).

Rule 1: a service is SERVING from the start of the server to the moment of the drain, never before
or after. Rule 2: a Watch holds a thread while it waits; the turnstile bounds how many there are.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2

from daemon.stream.refusals import Refused

_Answer = Any
"""health_pb2.HealthCheckResponse; the library carries no types."""
OVERALL: Final = ""
"""The name under which the server as a whole is asked for."""


class Health:
    """The servicer of grpc.health.v1.Health.

    Parameters
    ----------
    services
        Full names of the services; all live and end together.
    """

    def __init__(self, services: Sequence[str]) -> None:
        self._services: Final = (OVERALL, *services)
        self._changed = threading.Condition()
        self._serving = False
        self._drained = False

    def serve(self) -> None:
        """Say SERVING from now on."""
        with self._changed:
            self._serving = True
            self._changed.notify_all()

    def drain(self) -> None:
        """Say NOT_SERVING from now on, and end every Watch after it has said so."""
        with self._changed:
            self._serving, self._drained = False, True
            self._changed.notify_all()

    def Check(self, request: Any, _: grpc.ServicerContext) -> _Answer:  # noqa: N802
        """Return the health of one service; raises Refused (NOT_FOUND) for an unknown one."""
        if request.service not in self._services:
            raise Refused(
                grpc.StatusCode.NOT_FOUND, "no such service here; leave the name empty for all"
            )
        return _answer(self._serving)

    def List(self, _request: Any, _: grpc.ServicerContext) -> Any:  # noqa: N802
        """Return the health of every service."""
        statuses = dict.fromkeys(self._services, _answer(self._serving))
        return health_pb2.HealthListResponse(statuses=statuses)

    def Watch(self, request: Any, context: grpc.ServicerContext) -> Iterator[_Answer]:  # noqa: N802
        """Yield the health of a service, and again whenever it changes."""
        if not context.add_callback(self._look_again):
            return  # the caller has left already
        said: bool | None = None
        drained = False
        while not drained:
            said, drained = self._after(said, context)
            if not context.is_active():
                return
            yield _answer(said if request.service in self._services else None)

    def _after(self, said: bool | None, context: grpc.ServicerContext) -> tuple[bool, bool]:
        """Wait for news, or until the caller has left; returns serving and drained."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._drained or self._serving != said or not context.is_active()
            )
            return self._serving, self._drained

    def _look_again(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _answer(serving: bool | None) -> _Answer:
    kinds = health_pb2.HealthCheckResponse
    if serving is None:
        return kinds(status=kinds.SERVICE_UNKNOWN)
    return kinds(status=kinds.SERVING if serving else kinds.NOT_SERVING)
