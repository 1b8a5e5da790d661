"""Who may do what: a caller is a configured consumer, or a local command.

Rule 1: a certificate's name decides; a request that claims another is refused.
Rule 2: without a certificate (loopback, unix socket) the claim is believed, if it is configured.
Rule 3: the secondary volume is for consumers that were given it by name.
"""

from collections.abc import Sequence
from typing import Final

import grpc

from daemon.config import Consumer
from daemon.stream.credentials import caller_name
from daemon.stream.refusals import Refused

_DENIED: Final = grpc.StatusCode.PERMISSION_DENIED


class Access:
    """The consumers of this appliance and their rights.

    Parameters
    ----------
    consumers
        As configured.
    """

    def __init__(self, consumers: Sequence[Consumer]) -> None:
        self._consumers = {consumer.name: consumer for consumer in consumers}

    def consumer(self, context: grpc.ServicerContext, claimed: str) -> Consumer:
        """Return the consumer that calls; raises Refused (PERMISSION_DENIED)."""
        name = caller_name(context.auth_context())
        if name is not None and claimed and claimed != name:
            raise Refused(
                _DENIED, "the request names another consumer than the certificate", claimed=claimed
            )
        return self._known(claimed if name is None else name)

    def anyone(self, context: grpc.ServicerContext) -> Consumer | None:
        """Return the calling consumer, None for a local command; raises Refused."""
        name = caller_name(context.auth_context())
        return None if name is None else self._known(name)

    def _known(self, name: str) -> Consumer:
        consumer = self._consumers.get(name)
        if consumer is None:
            raise Refused(
                _DENIED,
                "this consumer is not in the configuration of the appliance ([[consumer]])",
                consumer=name,
            )
        return consumer
