"""The hash chain that makes the journal's entries one account.

    entry_hash = H(prev_entry_hash || H(record)), the first prev is H(the epoch's text)

Rule 1: an epoch has one algorithm H, from its first entry to its last.
Rule 2: whoever may not see a record can follow the chain with its hash alone.
Page bytes are named by SHA-256 in every epoch: H is for the account, not for the bytes.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from daemon.errors import ConfigError

Algorithm = Literal["sha256", "sm3"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("sha256", "sm3")


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of one epoch.

    Parameters
    ----------
    algorithm
        "sha256" (FIPS 180-4) or "sm3" (GB/T 32905), for sites whose rules ask for it. Both give 32
        bytes.

    Raises
    ------
    ConfigError
        If the algorithm is unknown, or the OpenSSL of this Python lacks it.
    """

    algorithm: str = "sha256"

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise ConfigError(
                "this version does not know the hash algorithm of the journal: update it first",
                algorithm=self.algorithm,
            )
        if self.algorithm not in hashlib.algorithms_available:
            raise ConfigError(
                "the OpenSSL of this Python does not have the hash algorithm of the journal",
                algorithm=self.algorithm,
            )

    def digest(self, data: bytes) -> bytes:
        """Return H(data), 32 bytes."""
        return hashlib.new(self.algorithm, data).digest()

    def first(self, epoch: str) -> bytes:
        """Return what the first entry of an epoch is chained to."""
        return self.digest(epoch.encode())

    def next(self, prev: bytes, record_hash: bytes) -> bytes:
        """Return the hash of the entry that follows `prev`."""
        return self.digest(prev + record_hash)
