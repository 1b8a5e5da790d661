"""Which gRPC status answers which error: one table, and one wrapper around all handlers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import grpc

from daemon import errors

if TYPE_CHECKING:  # generic in the stubs only
    _Handler = grpc.RpcMethodHandler[Any, Any]
    _Interceptor = grpc.ServerInterceptor[Any, Any]
else:
    _Handler = grpc.RpcMethodHandler
    _Interceptor = grpc.ServerInterceptor

Count = Callable[[str], None]
"""Counts one refusal by the label of its error."""


class Refused(errors.ContractError):
    """A request that is refused with a status of its own.

    Parameters
    ----------
    code
        The gRPC status.
    message
        What is wrong and what the caller can do.
    """

    label = "refused"

    def __init__(self, code: grpc.StatusCode, message: str, **facts: object) -> None:
        super().__init__(message, **facts)
        self.code = code


CODES: Final[Mapping[type[errors.SuianError], grpc.StatusCode]] = {
    errors.EpochChanged: grpc.StatusCode.FAILED_PRECONDITION,
    errors.BadAcknowledgement: grpc.StatusCode.FAILED_PRECONDITION,
    errors.Fenced: grpc.StatusCode.ABORTED,
    errors.ContractError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.SpoolCorrupt: grpc.StatusCode.DATA_LOSS,
    errors.SpoolFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.SpoolError: grpc.StatusCode.UNAVAILABLE,  # the daemon restarts; the caller comes back
    errors.OperatorError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.DeviceError: grpc.StatusCode.UNAVAILABLE,
    errors.ConfigError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InputError: grpc.StatusCode.NOT_FOUND,
    errors.SuianError: grpc.StatusCode.INTERNAL,
}


def code_of(error: errors.SuianError) -> grpc.StatusCode:
    """Return the status of an error: its own, else that of its nearest base in the table."""
    if isinstance(error, Refused):
        return error.code
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


class Refusals(_Interceptor):
    """Wraps every handler: an error of ours ends the call with its status; others pass unchanged.

    Parameters
    ----------
    count
        Called with the label of each error.
    """

    def __init__(self, count: Count) -> None:
        self._count = count

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], _Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        """Return the handler of a method with its errors translated."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                self._streaming(handler.unary_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._answering(handler.unary_unary),
                handler.request_deserializer,
                handler.response_serializer,
            )
        raise TypeError("the contract has no streams from the client")

    def _answering(self, method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def answer(request: object, context: grpc.ServicerContext) -> object:
            with self._refusing(context):
                return method(request, context)

        return answer

    def _streaming(self, method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def stream(request: object, context: grpc.ServicerContext) -> Iterator[object]:
            with self._refusing(context):
                yield from method(request, context)

        return stream

    @contextmanager
    def _refusing(self, context: grpc.ServicerContext) -> Iterator[None]:
        try:
            yield
        except errors.SuianError as error:
            self._count(error.label)
            context.abort(code_of(error), str(error))
