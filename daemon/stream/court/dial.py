"""The client's end of the wire: how to dial an appliance, and what its refusals mean here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import grpc

from daemon.errors import (
    BadAcknowledgement,
    ConfigError,
    ContractError,
    EpochChanged,
    Fenced,
    SuianError,
)

_MANIFEST_BYTES: Final = 64 << 20
# Without pings a partition was never noticed; with these it took 2.5 s.
_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 3000),
    ("grpc.keepalive_timeout_ms", 2000),
    ("grpc.http2.ping_timeout_ms", 5000),  # a frozen appliance; its system still answers TCP
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", _MANIFEST_BYTES),
    ("grpc.use_local_subchannel_pool", 1),  # a fresh channel waits for no older one's back-off
    # Else a thread that waits for a stream wakes ten times a second, with a second one beside it:
    # 100 appliances at rest cost 10 % of a core, with this 4 %.
    ("SingleThreadedUnaryStream", 1),
    ("grpc.enable_retries", 0),  # what may be repeated is decided here
)
LINK_BROKEN: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,  # a torn HTTP/2 stream says this too
        grpc.StatusCode.UNKNOWN,
    }
)
"""Statuses after which the same call may go well a moment later."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """Where to pull from and as whom. Without credentials the wire is plain: loopback only.

    Attributes
    ----------
    accept_released
        Take entries also when the appliance no longer has the bytes that belong to them.
    """

    target: str
    consumer: str
    credentials: grpc.ChannelCredentials | None = None
    max_unacked_entries: int = 0
    max_unacked_bytes: int = 0
    accept_released: bool = False


def dial(appliance: Appliance) -> grpc.Channel:
    """Open a channel; it connects with the first call."""
    if appliance.credentials is None:
        return grpc.insecure_channel(appliance.target, _OPTIONS)
    return grpc.secure_channel(appliance.target, appliance.credentials, _OPTIONS)


def status_of(error: grpc.RpcError) -> grpc.StatusCode:
    """Return the status of a failed call."""
    return error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN


def _details(error: grpc.RpcError) -> str:
    return (error.details() or "") if isinstance(error, grpc.Call) else str(error)


_REFUSALS: Final[Mapping[grpc.StatusCode, tuple[type[SuianError], str]]] = {
    grpc.StatusCode.FAILED_PRECONDITION: (
        EpochChanged,
        "the appliance refuses to continue this folder's journal: its disk was replaced or it is"
        " another appliance. Keep this folder as it is, find out which, and pull the new journal"
        " into a new folder",
    ),
    grpc.StatusCode.OUT_OF_RANGE: (
        ContractError,
        "the appliance does not continue where this folder ends; it says why. If it has let go of"
        " the bytes of entries that this folder lacks, --accept-released takes the entries without"
        " them; if its journal is shorter than this folder, one of the two was put back to an older"
        " time. Nothing more was taken",
    ),
    grpc.StatusCode.ABORTED: (
        Fenced,
        "a newer puller of the same consumer has taken over; this one has stopped",
    ),
    grpc.StatusCode.PERMISSION_DENIED: (ConfigError, "the appliance does not let us in"),
    grpc.StatusCode.UNAUTHENTICATED: (ConfigError, "the appliance does not know our certificate"),
}


_BAD_ACKNOWLEDGEMENT: Final = frozenset(
    {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.OUT_OF_RANGE}
)


def refusal(error: grpc.RpcError, target: str) -> SuianError:
    """Translate a status that no retry can mend."""
    status = status_of(error)
    kind, text = _REFUSALS.get(status, (ContractError, "the appliance refuses the request"))
    return kind(text, appliance=target, status=status.name, said=_details(error))


def bad_acknowledgement(error: grpc.RpcError, target: str) -> SuianError:
    """Translate a refused acknowledgement; a missing precondition is a wrong chain hash there."""
    if status_of(error) not in _BAD_ACKNOWLEDGEMENT:
        return refusal(error, target)
    return BadAcknowledgement(
        "the appliance refuses our acknowledgement: its chain is not the one we received, or it"
        " does not go so far",
        appliance=target,
        said=_details(error),
    )


def unreachable(error: grpc.RpcError | None, target: str) -> SuianError:
    """Say that nobody answered."""
    status = "closed" if error is None else status_of(error).name
    said = "" if error is None else _details(error)
    return ContractError(
        "the appliance does not answer: is it on, is the address right, is the port open?",
        appliance=target,
        status=status,
        said=said,
    )
