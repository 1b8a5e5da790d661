"""An S3-compatible object store: names -> bytes, each put checked. The only file that knows minio.

Rule 1: an object is there when the store has confirmed it and its bytes are known to be ours. Every
request carries a checksum that the store checks; if the ETag it answers is not the MD5 of what we
sent (it need not be one), the object is read back and compared.
Rule 2: the library repeats a request that failed on its way; nobody else does.
Rule 3: the wire is plain on loopback only.
"""

import copy
import hashlib
import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import certifi
import minio
import urllib3
from minio.error import MinioException, S3Error

from daemon.errors import ConfigError, SpoolFailed
from daemon.stream.credentials import is_loopback

KEY_ID: Final = "AWS_ACCESS_KEY_ID"
SECRET: Final = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 (the name of a variable)
_SESSION: Final = "AWS_SESSION_TOKEN"
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_AUTHORITIES: Final = "SSL_CERT_FILE"
_CONNECT_S: Final = 5.0
_READ_S: Final = 60.0
_TRIES: Final = 5
_BACKOFF_S: Final = 0.2
_PART_BYTES: Final = 16 << 20  # what one upload holds in memory
_PIECE_BYTES: Final = 1 << 20
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_GONE: Final = frozenset({"NoSuchKey", "NoSuchObject", "ResourceNotFound"})
_NO_BUCKET: Final = "NoSuchBucket"
_FORM: Final = "write it as https://ENDPOINT/BUCKET or https://ENDPOINT/BUCKET/PREFIX"


@dataclass(frozen=True, slots=True)
class Location:
    """Where objects go: `https://endpoint/bucket/prefix`; the prefix is "" or ends with `/`."""

    endpoint: str
    bucket: str
    prefix: str
    secure: bool

    @classmethod
    def parse(cls, url: str) -> "Location":
        """Read a URL.

        Raises
        ------
        ConfigError
            If it is not of that form, carries a password, or is plain HTTP off loopback.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"this is no URL of a bucket; {_FORM}") from error
        bucket, *segments = parts.path.strip("/").split("/")
        good = parts.scheme in {"http", "https"} and parts.hostname and bucket
        extra = parts.query or parts.fragment or parts.username or parts.password
        if not good or extra or any(segment in {"", ".", ".."} for segment in segments):
            raise ConfigError(f"this is no URL of a bucket; {_FORM}", host=parts.hostname)
        secure = parts.scheme == "https"
        if not secure and not is_loopback(f"{parts.hostname}:{port or 80}"):
            raise ConfigError("plain HTTP is for loopback only: use https://", url=url)
        return cls(parts.netloc, bucket, "".join(f"{s}/" for s in segments), secure)

    def inside(self, name: str) -> "Location":
        """Return the place one segment further in."""
        return Location(self.endpoint, self.bucket, f"{self.prefix}{name}/", self.secure)

    def __str__(self) -> str:
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.endpoint}/{self.bucket}/{self.prefix}"


class ObjectStore:
    """Objects under one prefix of a bucket. Safe from several threads.

    Parameters
    ----------
    location
        The bucket must be there.
    threads
        How many use it at once.
    environment
        Holds AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and if need be AWS_SESSION_TOKEN,
        AWS_REGION and SSL_CERT_FILE (a file of certificate authorities).

    Raises
    ------
    ConfigError
        If there is no key, no such bucket, or the store does not take the key.
    SpoolFailed
        If the store does not answer.
    """

    def __init__(
        self, location: Location, threads: int, environment: Mapping[str, str] = os.environ
    ) -> None:
        self.location = location
        key_id, secret = environment.get(KEY_ID), environment.get(SECRET)
        if not key_id or not secret:
            raise ConfigError(f"the object store needs {KEY_ID} and {SECRET} in the environment")
        self._client = minio.Minio(
            location.endpoint,
            key_id,
            secret,
            session_token=environment.get(_SESSION),
            secure=location.secure,
            region=next((environment[name] for name in _REGIONS if environment.get(name)), None),
            http_client=_http(threads, environment.get(_AUTHORITIES)),
        )
        with self._talking("look for the bucket"):
            there = self._client.bucket_exists(location.bucket)
        if not there:
            raise self._refused("look for the bucket", _NO_BUCKET, "")

    def inside(self, name: str) -> "ObjectStore":
        """Return the place one segment further in; the connections are shared."""
        other = copy.copy(self)
        other.location = self.location.inside(name)
        return other

    def put(self, name: str, data: bytes, media_type: str) -> None:
        """Store bytes under a name, in place of what was there."""
        self._put(name, io.BytesIO(data), len(data), media_type)

    def put_file(self, name: str, path: Path, media_type: str) -> None:
        """Store a file under a name, in place of what was there."""
        with path.open("rb") as file:
            self._put(name, file, path.stat().st_size, media_type)

    def get(self, name: str) -> bytes | None:
        """Return the bytes under a name; None when there are none."""
        try:
            with self._talking("read an object"):
                return b"".join(self._pieces(name))
        except _Gone:
            return None

    def remove(self, name: str) -> None:
        """Remove an object; no matter whether it is there."""
        with suppress(_Gone), self._talking("remove an object"):
            self._client.remove_object(self.location.bucket, self._key(name))

    def names(self, folder: str, after: str = "") -> Iterator[str]:
        """Yield the names in a folder (ends with `/`) behind a name, in order of their text.

        A folder in it is one name that ends with `/`.
        """
        inside = self._key(folder)
        with self._talking("list objects"):
            found = self._client.list_objects(
                self.location.bucket, inside, start_after=self._key(after) if after else None
            )
            for one in found:
                yield (one.object_name or "").removeprefix(self.location.prefix)

    def _put(self, name: str, file: BinaryIO, size_bytes: int, media_type: str) -> None:
        sent = _digest(file, hashlib.md5(usedforsecurity=False))
        with self._talking("store an object"):
            answer = self._client.put_object(
                self.location.bucket,
                self._key(name),
                file,
                size_bytes,
                content_type=media_type,
                part_size=_PART_BYTES,
                num_parallel_uploads=1,
            )
        if answer.etag != sent:
            self._compare(name, file)

    def _compare(self, name: str, file: BinaryIO) -> None:
        """Read an object back; raises SpoolFailed when it is not what was sent."""
        sent, stored = _digest(file, hashlib.sha256()), hashlib.sha256()
        try:
            with self._talking("read an object back"):
                for piece in self._pieces(name):
                    stored.update(piece)
            same = stored.hexdigest() == sent
        except _Gone:
            same = False
        if not same:
            raise SpoolFailed(
                "the object store does not hold the bytes that it confirmed: do not trust it until"
                " somebody has found out why. Nothing was acknowledged",
                object=self._key(name),
                store=self.location,
            )

    def _pieces(self, name: str) -> Iterator[bytes]:
        answer = self._client.get_object(self.location.bucket, self._key(name))
        try:
            yield from answer.stream(_PIECE_BYTES)
        finally:
            answer.close()
            answer.release_conn()

    def _key(self, name: str) -> str:
        return f"{self.location.prefix}{name}"

    @contextmanager
    def _talking(self, doing: str) -> Iterator[None]:
        """Translate what the store or the way to it says."""
        try:
            yield
        except MinioException as error:
            code, said = _code_of(error)
            if code in _GONE:
                raise _Gone from error
            raise self._refused(doing, code, said) from error
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise SpoolFailed(
                f"cannot {doing}: the object store does not answer as one. Is it on, is the URL"
                " right, is its certificate known (SSL_CERT_FILE)?",
                store=self.location,
                said=error,
            ) from error

    def _refused(self, doing: str, code: str, said: str) -> ConfigError | SpoolFailed:
        if code in {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}:
            return ConfigError(
                f"the object store does not let us {doing}: look at {KEY_ID}, {SECRET} and what"
                " that key may do",
                store=self.location,
                said=said,
            )
        if code == _NO_BUCKET:
            return ConfigError("there is no such bucket: make it first", store=self.location)
        return SpoolFailed(
            f"cannot {doing}: the object store refuses", store=self.location, code=code, said=said
        )


class _Gone(Exception):
    """There is no such object."""


def _code_of(error: MinioException) -> tuple[str, str]:
    """Return the code of a refusal, and what the store says."""
    if isinstance(error, S3Error):
        return str(error.code), str(error.message)
    # Some stores call their XML by another name than the library knows.
    found = _CODE.search(str(error))
    return (found[1] if found else type(error).__name__), str(error)


def _digest(file: BinaryIO, digest: "hashlib._Hash") -> str:
    """Hash a file from its beginning and leave it there."""
    file.seek(0)
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def _http(threads: int, authorities: str | None) -> urllib3.PoolManager:
    """Return connections that give up in reasonable time: the library's own wait five minutes."""
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        maxsize=threads,
        block=True,  # a thread more waits for a connection instead of making one to throw away
        cert_reqs="CERT_REQUIRED",
        ca_certs=authorities or certifi.where(),
        retries=urllib3.Retry(
            total=_TRIES, backoff_factor=_BACKOFF_S, status_forcelist=(500, 502, 503, 504)
        ),
    )
