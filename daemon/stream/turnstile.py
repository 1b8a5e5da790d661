"""The turnstile before all services: how many may be inside, and how long one may stand still.

Rule 1: a caller holds only so many calls of a kind at once; one more is refused with
RESOURCE_EXHAUSTED. The threads are as many as all callers may hold, so none takes another's.
Rule 2: a call whose request does not come, or whose reader takes nothing, is cancelled when the
next call arrives. Until then it stands in nobody's way.
Rule 3: the certificate says who calls, before the request is read; without one the request does.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc

from daemon.stream.credentials import caller_name
from daemon.stream.refusals import Count, Refused

if TYPE_CHECKING:  # generic in the stubs only
    _Handler = grpc.RpcMethodHandler[Any, Any]
    _Interceptor = grpc.ServerInterceptor[Any, Any]
else:
    _Handler = grpc.RpcMethodHandler
    _Interceptor = grpc.ServerInterceptor

SHORT: Final = "short call"
"""Every method that answers at once."""
MOST_AT_ONCE: Final[Mapping[str, int]] = {
    "Pull": 2,  # the stream, and the older one that is just ending
    "ReadBlob": 4,
    "Watch": 2,
    SHORT: 8,
}
REQUEST_S: Final = 5.0
"""A request follows the head of its call at once; 20 heads alone once shut everybody out."""
READER_S: Final = 20.0
"""A piece has 1 MiB at most. Whoever cannot take one in this time comes back and resumes."""
_SPARE_THREADS: Final = 8  # calls that are being refused
_UNNAMED: Final = ""
_STRANGER: Final = "?"


@dataclass(slots=True, eq=False)
class _Visit:
    """One call that is inside."""

    context: grpc.ServicerContext
    kind: str
    who: str
    due_s: float | None = None
    """When the caller must have moved; None while we are the ones who work."""
    shown_out: bool = False


class Turnstile(_Interceptor):
    """The outermost interceptor.

    Parameters
    ----------
    consumers
        Names of the configured consumers.
    count
        Called with a label for each call that is refused or cancelled.
    """

    def __init__(self, consumers: Collection[str], count: Count) -> None:
        self._consumers = frozenset(consumers)
        self._count = count
        self._lock = threading.Lock()
        self._visits: set[_Visit] = set()
        self._taken: Counter[tuple[str, str]] = Counter()

    @property
    def threads(self) -> int:
        """How many threads carry all that may be inside."""
        shares = len(self._consumers) + self._share(_STRANGER) + self._share(_UNNAMED)
        return shares * sum(MOST_AT_ONCE.values()) + _SPARE_THREADS

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], _Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        """Return the handler of a method behind the turnstile.

        It is called in the thread that accepts calls, for each call, even when no thread is free.
        On the wire nothing differs: the handler takes the head of a call before its request.
        """
        self._show_out()
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method.rpartition("/")[2]
        kind = method if method in MOST_AT_ONCE else SHORT
        if handler.unary_stream is not None:
            return grpc.stream_stream_rpc_method_handler(
                self._streaming(kind, handler.unary_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        if handler.unary_unary is not None:
            return grpc.stream_unary_rpc_method_handler(
                self._answering(kind, handler.unary_unary),
                handler.request_deserializer,
                handler.response_serializer,
            )
        raise TypeError("the contract has no streams from the client")

    def _answering(self, kind: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def answer(requests: Iterator[Any], context: grpc.ServicerContext) -> object:
            with self._inside(kind, context) as visit:
                return method(self._request(visit, requests), context)

        return answer

    def _streaming(self, kind: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def stream(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[object]:
            with self._inside(kind, context) as visit:
                for message in method(self._request(visit, requests), context):
                    visit.due_s = time.monotonic() + READER_S
                    yield message
                    visit.due_s = None

        return stream

    @contextmanager
    def _inside(self, kind: str, context: grpc.ServicerContext) -> Iterator[_Visit]:
        name = caller_name(context.auth_context())
        visit = _Visit(context, kind, _UNNAMED if name is None else self._known(name))
        try:
            self._enter(visit)
            yield visit
        except Refused as error:
            if not visit.shown_out:  # that was counted
                self._count(error.label)
            context.abort(error.code, str(error))
        finally:
            self._leave(visit)

    def _request(self, visit: _Visit, requests: Iterator[Any]) -> object:
        visit.due_s = time.monotonic() + REQUEST_S
        request = next(requests, None)
        visit.due_s = None
        if request is None:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "the call has no request")
        claimed = getattr(request, "consumer", "")
        if visit.who == _UNNAMED and claimed:
            self._leave(visit)
            visit.who = self._known(claimed)
            self._enter(visit)
        return request

    def _known(self, name: str) -> str:
        return name if name in self._consumers else _STRANGER

    def _share(self, who: str) -> int:
        """Return how many callers stand behind a name: all of them, until they give one."""
        return len(self._consumers) + 1 if who == _UNNAMED else 1

    def _enter(self, visit: _Visit) -> None:
        place, most = (visit.kind, visit.who), MOST_AT_ONCE[visit.kind] * self._share(visit.who)
        with self._lock:
            if self._taken[place] >= most:
                raise Refused(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    "this caller has as many calls of the kind running as it may: end one, or come"
                    " back in a moment",
                    kind=visit.kind,
                    most=most,
                )
            self._taken[place] += 1
            self._visits.add(visit)

    def _leave(self, visit: _Visit) -> None:
        with self._lock:
            if visit in self._visits:
                self._visits.remove(visit)
                self._taken[visit.kind, visit.who] -= 1

    def _show_out(self) -> None:
        """Cancel the calls that stand still."""
        now_s = time.monotonic()
        with self._lock:
            late = [v for v in self._visits if v.due_s is not None and v.due_s < now_s]
        for visit in late:
            visit.due_s, visit.shown_out = None, True
            visit.context.cancel()  # type: ignore[no-untyped-call]
            self._count(Refused.label)
