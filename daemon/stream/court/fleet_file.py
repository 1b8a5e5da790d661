"""The file that lists the appliances of a court: one TOML -> one frozen, validated tree.

consumer = "court"
output = "/data/pulled"             one folder each: <output>/<name>
pdf = "/data/pdf"                   if PDFs are wanted: <pdf>/<name>

[s3]                                if pages go to an object store: <url>/<name>
url = "https://store.court.example/dossiers"

[tls]                               needed off loopback
ca = "ca.pem"
cert = "client.pem"
key = "client.key"

[[appliance]]
name = "hall-1"
address = "10.1.0.11:7443"
"""

import tomllib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from daemon.config import Address, Name
from daemon.errors import ConfigError
from daemon.stream.court.dial import Appliance
from daemon.stream.court.fleet import WORKERS, Assignment
from daemon.stream.court.object_store import Location, ObjectStore
from daemon.stream.credentials import client_credentials, is_loopback

_WINDOW_BYTES: Final = 16 << 20  # of each; what many appliances send at once lies in part files


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Listed(_Section):
    """One appliance."""

    name: Name = Field(description="Its folder; unique in the file.")
    address: Address = Field(description="HOST:PORT; unique in the file.")


class Tls(_Section):
    """The files of mutual TLS; a relative path counts from the folder of the list."""

    ca: Path
    cert: Path
    key: Path


class Bucket(_Section):
    """An object store in place of folders."""

    url: str = Field(description="https://ENDPOINT/BUCKET/PREFIX.")


class FleetFile(_Section):
    """The whole file."""

    consumer: Name = Field("court", description="Our name at every appliance.")
    output: Path = Field(description="Folder of folders, one an appliance.")
    pdf: Path | None = Field(None, description="Folder of folders of PDFs.")
    s3: Bucket | None = None
    tls: Tls | None = None
    appliance: tuple[Listed, ...] = Field(min_length=1)

    @field_validator("appliance")
    @classmethod
    def _distinct(cls, listed: tuple[Listed, ...]) -> tuple[Listed, ...]:
        for what in ("name", "address"):
            # Names are folders, and some disks do not tell A from a.
            values = [getattr(one, what).casefold() for one in listed]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"two appliances of one {what}: {', '.join(twice)}")
        return listed

    @model_validator(mode="after")
    def _secret(self) -> "FleetFile":
        open_ones = [one.name for one in self.appliance if not is_loopback(one.address)]
        if open_ones and self.tls is None:
            raise ValueError(f"off this machine [tls] is needed: {', '.join(open_ones)}")
        return self


def load(path: Path) -> FleetFile:
    """Read a list of appliances.

    Raises
    ------
    ConfigError
        If it cannot be read, is not TOML, has an unknown key, or lists an appliance twice.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the list: {error.strerror}", file=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the list is not a TOML file: {error}", file=path) from error
    try:
        found = FleetFile.model_validate(tree)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in e['loc']) or 'file'}: {e['msg']}"
            for e in error.errors()
        )
        raise ConfigError(f"the list is refused: {wrong}", file=path) from error
    return _anchored(found, path.parent)


def assignments(found: FleetFile, *, accept_released: bool = False) -> list[Assignment]:
    """Return what the list says is to be done.

    Raises
    ------
    ConfigError
        If a TLS file or the object store cannot be used.
    SpoolFailed
        If the object store does not answer.
    """
    tls = found.tls
    credentials = None if tls is None else client_credentials(tls.ca, tls.cert, tls.key)
    store = None if found.s3 is None else ObjectStore(Location.parse(found.s3.url), WORKERS)
    return [
        Assignment(
            name=one.name,
            appliance=Appliance(
                one.address,
                found.consumer,
                credentials,
                max_unacked_bytes=_WINDOW_BYTES,
                accept_released=accept_released,
            ),
            directory=found.output / one.name,
            bucket=None if store is None else store.inside(one.name),
            pdf=None if found.pdf is None else found.pdf / one.name,
        )
        for one in found.appliance
    ]


def _anchored(found: FleetFile, folder: Path) -> FleetFile:
    """Count the paths of files from where the list lies, as a reader of it does."""
    tls = found.tls
    if tls is not None:
        tls = Tls(ca=folder / tls.ca, cert=folder / tls.cert, key=folder / tls.key)
    output, pdf = folder / found.output, None if found.pdf is None else folder / found.pdf
    return found.model_copy(update={"tls": tls, "output": output, "pdf": pdf})
