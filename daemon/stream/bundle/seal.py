"""For whose eyes a bundle is: the age format (age-encryption.org/v1, X25519), through pyrage.

Rule 1: memory does not grow with the bundle: bytes pass in pieces, both ways.
Rule 2: the format tells neither who made a file nor for whom it was meant; see sign.py.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyrage  # type: ignore[import-untyped]

from daemon.errors import ConfigError, InputError, SpoolFailed
from daemon.stream.court.folder import disk

_KEPT_UP_BYTES: Final = 16 << 20
_SECRET: Final = "AGE-SECRET-KEY-"  # noqa: S105 (what such a line begins with)
_RECIPIENT_FORM: Final = "age1 and 58 letters, as `suian bundle key` prints it"


@dataclass(frozen=True, slots=True)
class Identity:
    """The court's key: `recipient` is its public half, as text."""

    recipient: str
    secret: Any


def new_identity() -> tuple[str, str]:
    """Make a key; returns its file's text, in the form of age's own tools, and its recipient."""
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    return f"# public key: {recipient}\n{identity}\n", recipient


def read_identity(file: Path) -> Identity:
    """Read a key file; raises ConfigError if it is none, or holds more than one key."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the key of the bundles: {error}", file=file) from error
    secrets = [line.strip() for line in lines if line.strip().startswith(_SECRET)]
    if len(secrets) != 1:
        raise ConfigError(
            "this is no key for bundles: one line begins with AGE-SECRET-KEY-1. Make one with"
            " `suian bundle key`",
            file=file,
        )
    try:
        secret = pyrage.x25519.Identity.from_str(secrets[0])
    except pyrage.IdentityError as error:
        raise ConfigError(f"the key of the bundles is damaged: {error}", file=file) from error
    return Identity(str(secret.to_public()), secret)


def check_recipient(recipient: str) -> None:
    """Refuse what is no recipient; raises ConfigError."""
    _recipient(recipient)


def encrypt(pieces: Iterable[bytes], file: BinaryIO, recipient: str) -> None:
    """Write pieces into a file that only `recipient` can read.

    Raises
    ------
    ConfigError
        If it is no recipient.
    SpoolFailed
        If the file cannot be written. What `pieces` raises passes through.
    """
    source, target = _Source(pieces), _Target(file)
    try:
        pyrage.encrypt_io(source, target, [_recipient(recipient)])
    except pyrage.EncryptError as error:
        # The library turns every failure on either side into words: give back the one it was.
        failure = source.failure or target.failure
        if failure is None:
            raise SpoolFailed(f"cannot encrypt the bundle: {error}") from error
        raise failure from None


def decrypt(file: BinaryIO, take: Callable[[bytes], None], identity: Identity) -> None:
    """Hand the bytes of an encrypted file on, in order; none before its own piece was checked.

    Raises
    ------
    InputError
        If it is no such file, for another key, cut short or changed. What `take` raises passes
        through.
    """
    try:
        pyrage.decrypt_io(file, _Sink(take), [identity.secret])
    except pyrage.DecryptError as error:
        raise InputError(
            "this is no bundle, or it is for another key: ask for whom it was exported",
            our_key=identity.recipient,
            said=error,
        ) from error
    except OSError as error:
        if error.errno is not None:
            raise InputError(f"the bundle cannot be read to its end: {error.strerror}") from error
        raise InputError("the bundle is cut short or was changed on its way") from error


def _recipient(text: str) -> Any:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise ConfigError(
            f"this is no recipient of a bundle: it is {_RECIPIENT_FORM}", got=ascii(text)
        ) from error


class _Source:
    """Pieces of any size, read as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")
        self.failure: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            while not self._left:
                self._left = memoryview(next(self._pieces))
        except StopIteration:
            return b""
        except BaseException as error:
            self.failure = error
            raise
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)


class _Target:
    """A file whose medium is kept up with.

    A stick that is slower than the daemon would else hold up one late write for minutes, and the
    daemon ends a stream whose reader stands still.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written_bytes = 0
        self.failure: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            with disk("write the bundle"):
                self._file.write(data)
                self._written_bytes += len(data)
                if self._written_bytes >= _KEPT_UP_BYTES:
                    self._file.flush()
                    os.fdatasync(self._file.fileno())
                    self._written_bytes = 0
        except BaseException as error:
            self.failure = error
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing: whoever opened the file closes it."""


class _Sink:
    """Where decrypted bytes go, seen as a file."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def write(self, data: bytes) -> int:
        self._take(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""
