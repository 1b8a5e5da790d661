"""The daemon of this machine, asked through its control socket in the name of a consumer.

Rule 1: it is asked as the consumer's living instance, whose number stands in the ledger. A number
of our own would shut out the court's next pull wherever its clock is behind ours.
"""

from collections.abc import Generator
from typing import Final

import grpc

from daemon.config import Config, Consumer
from daemon.errors import ConfigError, ContractError, Fenced, SpoolError, SuianError
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import DossierServiceStub, PageServiceStub
from daemon.spool.accounts import Accounts
from daemon.spool.rows import ConsumerRow
from daemon.stream.court.dial import Appliance, bad_acknowledgement, dial, refusal, status_of

_CALL_S: Final = 60.0
_NO_LIMIT_ENTRIES: Final = 2**32 - 1
_NO_LIMIT_BYTES: Final = 2**63 - 1
_NO_MANIFEST: Final = frozenset({grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED})


class DaemonHere:
    """The running daemon and its ledger.

    Parameters
    ----------
    config
        That of the daemon.
    consumer
        In whose name; one of the configuration.

    Raises
    ------
    ConfigError
        If there is no such consumer, or no ledger that may be read.
    """

    def __init__(self, config: Config, consumer: str) -> None:
        self.consumer = _configured(config, consumer)
        self.accounts = Accounts(config.spool.dir)
        self._target = f"unix:{config.stream.control_socket}"
        self._instance = self.cursor().instance
        self._channel = dial(Appliance(self._target, consumer))
        self._pages = PageServiceStub(self._channel)
        self._dossier = DossierServiceStub(self._channel)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()
        self.accounts.close()

    def cursor(self) -> ConsumerRow:
        """How far the consumer is, as the ledger says; raises ConfigError if it knows none."""
        for row in self.accounts.consumers():
            if row.name == self.consumer.name:
                return row
        raise ConfigError(
            "the ledger does not know this consumer yet: start the daemon with it once",
            consumer=self.consumer.name,
        )

    def pull(self, after_sequence: int) -> Generator[pb.PullResponse]:
        """Stream the journal behind an entry, as the consumer would get it; without an end.

        Raises
        ------
        SpoolError, Fenced, ContractError
            If the daemon is not there, goes away, or refuses.
        """
        call = self._pages.Pull(
            pb.PullRequest(
                consumer=self.consumer.name,
                instance=self._instance,
                epoch=self.accounts.epoch,
                after_sequence=after_sequence,
                max_unacked_entries=_NO_LIMIT_ENTRIES,
                max_unacked_bytes=_NO_LIMIT_BYTES,
            )
        )
        try:
            yield from call
        except grpc.RpcError as error:
            raise self._failure(error) from error
        finally:
            call.cancel()  # type: ignore[no-untyped-call]

    def manifest(self, case_key: str) -> bytes | None:
        """Return the manifest of a case, None when there is none."""
        try:
            answer = self._dossier.GetManifest(
                pb.GetManifestRequest(case_number=case_key), timeout=_CALL_S
            )
        except grpc.RpcError as error:
            if status_of(error) in _NO_MANIFEST:
                return None
            raise self._failure(error) from error
        return answer.manifest_json

    def acknowledge(self, sequence: int, entry_hash: bytes) -> int:
        """Acknowledge in the consumer's name; returns its cursor.

        Raises
        ------
        BadAcknowledgement
            If the journal is not the one that was received, or is shorter.
        SpoolError, Fenced
            If the daemon is not there, or the consumer has come back meanwhile.
        """
        try:
            answer = self._pages.Acknowledge(
                pb.AcknowledgeRequest(
                    consumer=self.consumer.name,
                    instance=self._instance,
                    epoch=self.accounts.epoch,
                    sequence=sequence,
                    entry_hash=entry_hash,
                ),
                timeout=_CALL_S,
            )
        except grpc.RpcError as error:
            if status_of(error) is grpc.StatusCode.FAILED_PRECONDITION:
                raise bad_acknowledgement(error, self._target) from error
            raise self._failure(error) from error
        return answer.acknowledged_sequence

    def _failure(self, error: grpc.RpcError) -> SuianError:
        status = status_of(error)
        if status is grpc.StatusCode.UNAVAILABLE:
            return SpoolError(
                "no daemon answers at the control socket, or it went away: is it running, and may"
                " you use the socket?",
                socket=self._target,
            )
        if status is grpc.StatusCode.ABORTED:
            return Fenced("the consumer itself is connected and has taken over; let it pull")
        if status is grpc.StatusCode.OUT_OF_RANGE:
            said = error.details() if isinstance(error, grpc.Call) else ""
            return ContractError(f"the daemon cannot give this part of its journal: {said}")
        return refusal(error, self._target)


def _configured(config: Config, name: str) -> Consumer:
    for consumer in config.consumer:
        if consumer.name == name:
            return consumer
    raise ConfigError(
        "this consumer is not in the configuration",
        consumer=name,
        known=", ".join(sorted(consumer.name for consumer in config.consumer)) or "none",
    )
