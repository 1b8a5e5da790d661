"""`suian scan`: one batch from the attached scanner to files, for technicians."""

from itertools import count
from pathlib import Path
from typing import Annotated, Final

import typer

from daemon import config
from daemon.errors import ConfigError, OperatorError
from daemon.feeder.scanner import Scanner
from daemon.page import Scan, SheetId
from daemon.pipeline import face
from daemon.service.source import scanner_of

_EXTENSIONS: Final = {"image/jpeg": "jpg", "image/tiff": "tif"}
_NO_EPOCH: Final = "00000000"
"""Files of a technician belong to no journal."""


def scan(
    out: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where pages go.")],
    file: Annotated[
        Path | None, typer.Option("-c", "--config", help="Take [feeder] and [imaging] from it.")
    ] = None,
    device: Annotated[
        str, typer.Option(help='"auto" or a serial number, when no configuration is given.')
    ] = "auto",
    dpi: Annotated[int, typer.Option(min=200, max=600, help="Resolution.")] = 300,
    mode: Annotated[str, typer.Option(help="colour or gray.")] = "colour",
) -> None:
    """Scan what lies in the hopper to DIR/NNNN-F.jpg and NNNN-B.jpg, blank sides too.

    Nothing is accounted for: this is for trying a scanner, not for court paper.
    """
    loaded = config.load(file) if file else _given(device, dpi, mode)
    _empty(out)
    scanner = scanner_of(loaded.feeder)
    try:
        sheets = _batch(scanner, loaded.imaging, out)
    finally:
        scanner.close()
    typer.echo(f"{sheets} sheet(s), {2 * sheets} face(s) in {out}")


def _given(device: str, dpi: int, mode: str) -> config.Config:
    tree: dict[str, object] = {"feeder": {"device": device, "dpi": dpi, "mode": mode}}
    return config.validate(tree, "command line")


def _empty(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        taken = any(out.iterdir())
    except OSError as error:
        raise ConfigError(f"cannot use the folder: {error.strerror}", out=out) from error
    if taken:
        raise ConfigError("the folder is not empty: choose a new one, nothing is replaced", out=out)


def _batch(scanner: Scanner, imaging: config.Imaging, out: Path) -> int:
    status = scanner.poll()  # tells first when no scanner is attached
    if not status.hopper_loaded:
        raise OperatorError("the hopper is empty: lay paper into it and call again")
    kernels = face.kernels(imaging.backend)
    profile = face.Profile(imaging.blank, imaging.jpeg_quality)
    scanner.arm()
    for number in count(1):
        if not scanner.feed():
            scanner.finish()
            return number - 1
        scans = scanner.read_sheet(SheetId(_NO_EPOCH, 1, number))
        front, back = (face.raster_of(side) for side in scans)
        faces = face.process(front, back, kernels, profile)
        for side, done in zip(scans, faces, strict=True):
            typer.echo(_write(out, side, done))
    raise AssertionError("unreachable")


def _write(out: Path, side: Scan, done: face.Face) -> str:
    name = f"{side.page_id.sheet:04d}-{side.page_id.side}.{_EXTENSIONS[done.media_type]}"
    try:
        (out / name).write_bytes(done.data)
    except OSError as error:
        raise ConfigError(f"cannot write the page: {error.strerror}", out=out / name) from error
    what = {face.Level.SURE: "blank", face.Level.LIKELY: "perhaps blank", face.Level.NO: "page"}
    turned = (
        f", turned by {-done.angle_deg:.2f} degrees"
        if done.skew_corrected and done.angle_deg
        else ""
    )
    return f"{name}: {what[done.blank.level]}{turned}"
