"""Who may do what: a caller is a configured consumer, or a local command.

Rule 1: a certificate's name decides; a request that claims another is refused.
Rule 2: without a certificate (loopback, unix socket) the claim is believed, if it is configured.
Rule 3: the secondary volume is for consumers that were given it by name, and so is every decision
about pages and paper.
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

    def decider(self, context: grpc.ServicerContext) -> Consumer | None:
        """Return who decides about pages and paper; None for a local command; raises Refused."""
        consumer = self.anyone(context)
        if consumer is not None and not consumer.decides:
            raise Refused(
                _DENIED,
                "this consumer may pull but not decide: give it the right with decides = true in"
                " its [[consumer]], or ask one that has it",
                consumer=consumer.name,
            )
        return consumer

    def _known(self, name: str) -> Consumer:
        if not name:
            raise Refused(
                _DENIED,
                "nobody is named: a certificate needs one URI that ends in the consumer's name, or"
                " one common name; without TLS the request names the consumer",
            )
        consumer = self._consumers.get(name)
        if consumer is None:
            raise Refused(
                _DENIED,
                "no such consumer here: call with the certificate of one that is configured, or add"
                " this one to the appliance's configuration ([[consumer]]) and restart it",
                consumer=name,
            )
        return consumer
