"""Consumers: how far each has acknowledged, and which of its instances is the living one.

Rule 1: a cursor moves only to an entry that exists, with the chain hash of that very entry.
Rule 2: a lower instance than the last one seen is fenced.
Rule 3: what every required consumer has acknowledged is noted with its time; from then on the hold
runs. A required consumer that comes late takes back what was noted beyond its cursor.
"""

from collections.abc import Callable
from typing import Any, Final

import apsw

from daemon.errors import BadAcknowledgement, ContractError, Fenced
from daemon.spool.chain import Chain
from daemon.spool.query import row, value

MAX_INSTANCE: Final = 2**63 - 1


class Cursors:
    """Writes the consumers' rows; runs in the committing thread, in its transaction.

    Parameters
    ----------
    connection
        The writing connection.
    epoch
        Text of the epoch.
    chain
        Its hash chain.
    clock
        Seconds since the Unix epoch.
    """

    def __init__(
        self, connection: apsw.Connection, epoch: str, chain: Chain, clock: Callable[[], float]
    ) -> None:
        self._connection = connection
        self._epoch = epoch
        self._chain = chain
        self._clock = clock

    def register(self, name: str, *, required: bool) -> None:
        """Make a consumer known, or change whether it holds deletion; its cursor stays."""
        self._connection.execute(
            "INSERT INTO consumer (name, required) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET required = excluded.required",
            (name, required),
        )
        self._note_release()

    def claim(self, name: str, instance: int) -> None:
        """Take over as the living instance; raises Fenced when a newer one was seen."""
        self._check_instance(name, instance)
        self._connection.execute(
            "UPDATE consumer SET instance = ?, last_seen_at = ? WHERE name = ?",
            (instance, self._clock(), name),
        )

    def acknowledge(
        self, name: str, sequence: int, entry_hash: bytes, instance: int | None
    ) -> None:
        """Move a cursor forward; going back is a no-op."""
        acknowledged = self._consumer(name)[0]
        if instance is not None:
            self._check_instance(name, instance)
        expected = self._hash_at(sequence)
        if expected is None:
            raise BadAcknowledgement(
                "the acknowledgement is ahead of the journal", consumer=name, got=sequence
            )
        if expected != entry_hash:
            raise BadAcknowledgement(
                "the consumer's chain is not ours: it holds other entries, or they were changed",
                consumer=name,
                sequence=sequence,
                expected=expected.hex(),
                got=entry_hash.hex(),
            )
        self._connection.execute(
            "UPDATE consumer SET acknowledged = ?, last_seen_at = ? WHERE name = ?",
            (max(acknowledged, sequence), self._clock(), name),
        )
        self._note_release()

    def _check_instance(self, name: str, instance: int) -> None:
        seen = self._consumer(name)[1]
        if instance < seen:
            raise Fenced("a newer instance has taken over", consumer=name, seen=seen, got=instance)
        if instance > MAX_INSTANCE:
            raise ContractError("an instance is a start time in ns", consumer=name, got=instance)

    def _consumer(self, name: str) -> tuple[Any, ...]:
        found = row(
            self._connection, "SELECT acknowledged, instance FROM consumer WHERE name = ?", name
        )
        if found is None:
            raise ContractError("there is no such consumer", consumer=name)
        return found

    def _hash_at(self, sequence: int) -> bytes | None:
        if sequence == 0:
            return self._chain.first(self._epoch)
        if not 0 < sequence <= MAX_INSTANCE:
            return None
        found = value(self._connection, "SELECT entry_hash FROM entry WHERE sequence = ?", sequence)
        return None if found is None else bytes(found)

    def _note_release(self) -> None:
        upto = value(self._connection, "SELECT min(acknowledged) FROM consumer WHERE required = 1")
        if upto is None:
            return  # nobody must be asked, so nothing may go: see retention
        self._connection.execute("DELETE FROM released WHERE sequence > ?", (upto,))
        self._connection.execute(
            "INSERT INTO released SELECT ?, ? WHERE ? >"
            " (SELECT coalesce(max(sequence), 0) FROM released)",
            (upto, self._clock(), upto),
        )
