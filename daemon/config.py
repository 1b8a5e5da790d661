"""One TOML file -> one frozen, validated tree. An unknown key refuses to start.

Rule 1: the unit is in the key. Rule 2: a constant before a setting; every key here is one that a
site must be able to choose.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from daemon.errors import ConfigError

Address = Annotated[str, Field(pattern=r"^.+:\d{1,5}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Appliance(_Section):
    """Who and where this appliance is; written on every record."""

    name: Name = Field("appliance", description="Name of this appliance, unique in the court.")
    station: str = Field("", description="Station, for example 立案大厅 1 号.")
    department: str = Field("", description="Department that answers for the station (Art. 4).")


class Feeder(_Section):
    """The scanner."""

    device: str = Field("auto", description='"auto", a serial number, or "emulator".')
    paper: Path | None = Field(None, description="Emulator only: folder of images or PDFs.")
    hopper_file: Path | None = Field(
        None, description="Emulator only: where hopper and out-tray are kept between runs."
    )
    dpi: int = Field(300, ge=200, le=600, description="Resolution of capture.")
    mode: Literal["colour", "gray"] = Field("colour", description="Colour of capture.")
    longest_mm: int = Field(
        297, ge=297, le=863, description="Longest paper; above 297 sheets may differ in length."
    )


class Imaging(_Section):
    """What the kernels may do to a page."""

    backend: Literal["auto", "cpu", "gpu"] = Field("auto", description="Where the kernels run.")
    blank: Literal["remove", "mark", "keep"] = Field(
        "remove", description="What to do with a face that is surely blank."
    )
    jpeg_quality: int = Field(85, ge=50, le=100, description="libjpeg quality of a page.")
    encoder: Literal["turbo", "numba"] = Field(
        "turbo", description="Who writes JPEG: libjpeg-turbo, or our twin of it; the same bytes."
    )
    clean_text: Literal["keep", "bilevel"] = Field(
        "keep", description="A page of clean black text keeps its tones, or becomes bilevel."
    )


class Spool(_Section):
    """The disk."""

    dir: Path = Field(Path("/var/lib/suian"), description="Folder of ledger and page files.")
    hold_hours: float = Field(
        72, ge=0, le=8760, description="How long pages stay after the last acknowledgement."
    )
    raw: Literal["all", "altered", "off"] = Field(
        "all", description="Which captured rasters are kept until acknowledged."
    )
    chain: Literal["sha256", "sm3"] = Field(
        "sha256", description="Hash of the journal's chain; for a new journal only."
    )
    allow_unsafe_disk: bool = Field(
        False, description="Accept tmpfs, overlay or a network disk: for a demonstration only."
    )


class Inbox(_Section):
    """Electronic files."""

    dir: Path | None = Field(None, description="Watched folder; not set: no inbox.")


class Dossier(_Section):
    """The court's rules."""

    key_file: Path | None = Field(
        None, description="Keys of the separator sheets; not set: none of ours can be trusted."
    )
    unknown_separator: Literal["stop", "quarantine"] = Field(
        "stop", description="What to do after a separator that cannot be trusted."
    )


class Stream(_Section):
    """The gRPC server."""

    listen: Address = Field("127.0.0.1:7443", description="Plaintext only on loopback.")
    control_socket: Path = Field(
        Path("/run/suian/control.sock"), description="Unix socket of the local commands."
    )
    credentials_dir: Path | None = Field(
        None, description="server.pem, server.key and clients-ca.pem; needed off loopback."
    )


class Consumer(_Section):
    """A client that may pull."""

    name: Name = Field(description="Name; must match the client certificate.")
    required: bool = Field(True, description="Nothing is deleted before it has acknowledged.")
    secondary_volume: bool = Field(False, description="May read the secondary volume (副卷).")
    decides: bool = Field(
        False, description="May correct pages, settle exceptions, pause and resume."
    )


class MetricsSection(_Section):
    """The Prometheus endpoint."""

    listen: Address = Field("127.0.0.1:9753", description="Address of the metrics listener.")


class Config(_Section):
    """The whole file."""

    appliance: Appliance = Appliance()
    feeder: Feeder = Feeder()
    imaging: Imaging = Imaging()
    spool: Spool = Spool()
    inbox: Inbox = Inbox()
    dossier: Dossier = Dossier()
    stream: Stream = Stream()
    consumer: tuple[Consumer, ...] = ()
    metrics: MetricsSection = MetricsSection()

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        if self.feeder.device == "emulator" and self.feeder.paper is None:
            raise ValueError('feeder.device = "emulator" needs feeder.paper')
        if self.feeder.device != "emulator" and (self.feeder.paper or self.feeder.hopper_file):
            raise ValueError('feeder.paper and feeder.hopper_file need feeder.device = "emulator"')
        names = [c.name for c in self.consumer]
        if len(set(names)) != len(names):
            raise ValueError("two consumers of one name")
        host = self.stream.listen.rpartition(":")[0]
        if host not in ("127.0.0.1", "localhost", "[::1]") and self.stream.credentials_dir is None:
            raise ValueError(f"stream.listen = {self.stream.listen} needs stream.credentials_dir")
        return self


def load(path: Path) -> Config:
    """Read and validate a configuration file.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not TOML, has an unknown key or a value out of bounds.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration: {error.strerror}", file=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not a TOML file: {error}", file=path) from error
    return validate(tree, str(path))


def validate(tree: dict[str, object], source: str) -> Config:
    """Turn a parsed tree into a `Config`; raises ConfigError naming every wrong key."""
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in e['loc']) or 'file'}: {e['msg']}"
            for e in error.errors()
        )
        raise ConfigError(f"configuration refused: {wrong}", file=source) from error
