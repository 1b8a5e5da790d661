"""`suian scan`: one batch from the attached scanner to files, for technicians."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from daemon import config
from daemon.errors import ConfigError, OperatorError
from daemon.feeder.capture import NOTHING, RECORDING_BYTES, Capture, dumps
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode
from daemon.page import Scan, SheetId
from daemon.pipeline import face
from daemon.pipeline.format import JPEG, TIFF
from daemon.pipeline.pixels import raster_of
from daemon.pipeline.profile import Profile
from daemon.pipeline.workers import Workers
from daemon.service.source import scanner_of, settings_of

_EXTENSIONS: Final = {JPEG: "jpg", TIFF: "tif"}
_NO_EPOCH: Final = "00000000"
"""Files of a technician belong to no journal."""


def scan(
    *,
    out: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where pages go.")],
    file: Annotated[
        Path | None, typer.Option("-c", "--config", help="Take [feeder] and [imaging] from it.")
    ] = None,
    device: Annotated[
        str, typer.Option(help='"auto" or a serial number, when no configuration is given.')
    ] = "auto",
    dpi: Annotated[
        int | None, typer.Option(min=200, max=600, help="Resolution, else the configured one.")
    ] = None,
    mode: Annotated[
        Mode | None, typer.Option(help="What a pixel is, else as configured.", show_choices=True)
    ] = None,
    simplex: Annotated[bool, typer.Option("--simplex", help="Front sides alone.")] = False,
    overscan: Annotated[
        bool, typer.Option("--overscan", help="See beyond the edges, where the scanner can.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record what passes over the cable.")
    ] = None,
    record_images: Annotated[
        bool, typer.Option("--record-images", help="Keep what is on the pages in the record, too.")
    ] = False,
) -> None:
    """Scan what lies in the hopper to DIR/NNNN-F.jpg and NNNN-B.jpg, blank sides too.

    Line-art becomes NNNN-F.tif. Nothing is accounted for: this is for trying a scanner, not for
    court paper.
    """
    loaded = config.load(file) if file else _of_device(device)
    asked = settings_of(loaded.feeder)
    wish = replace(
        asked,
        dpi=dpi or asked.dpi,
        mode=mode or asked.mode,
        duplex=not simplex,
        overscan=overscan,
    )
    _empty(out)
    if record:
        dumps.check_free(record)
    capture = Capture(RECORDING_BYTES, images=record_images) if record else NOTHING
    scanner = scanner_of(loaded.feeder, wish, capture)
    try:
        sheets, faces = _batch(scanner, loaded.imaging, out)
    finally:
        scanner.close()
        if record:
            capture.dump(record)
    typer.echo(f"{sheets} sheet(s), {faces} face(s) in {out}")


def _of_device(device: str) -> config.Config:
    return config.validate({"feeder": {"device": device}}, "command line")


def _empty(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        taken = any(out.iterdir())
    except OSError as error:
        raise ConfigError(f"cannot use the folder: {error.strerror}", out=out) from error
    if taken:
        raise ConfigError("the folder is not empty: choose a new one, nothing is replaced", out=out)


def _batch(scanner: Scanner, imaging: config.Imaging, out: Path) -> tuple[int, int]:
    """Scan until the hopper is empty; return how many sheets and faces there were."""
    status = scanner.poll()  # tells first when no scanner is attached
    if not status.hopper_loaded:
        raise OperatorError("the hopper is empty: lay paper into it and call again")
    kernels = face.kernels(imaging.backend, imaging.encoder)
    profile = Profile(imaging.blank, imaging.jpeg_quality, imaging.clean_text)
    scanner.arm()
    sheets = written = 0
    with Workers(kernels, profile) as workers:
        while scanner.feed():
            sheets += 1
            scans = scanner.read_sheet(SheetId(_NO_EPOCH, 1, sheets))
            sources = [partial(raster_of, side) for side in scans]
            for side, done in zip(scans, workers.sheet(sources), strict=True):
                typer.echo(_write(out, side, done))
                written += 1
    scanner.finish()
    return sheets, written


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
