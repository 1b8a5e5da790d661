"""`suian process`: images through the kernels to files, blanks too."""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from daemon.errors import ConfigError, InputError, SuianError
from daemon.images import Image, iterate
from daemon.pipeline import face
from daemon.pipeline.format import JPEG, PDF, TIFF
from daemon.pipeline.pixels import raster_from
from daemon.pipeline.profile import Profile
from daemon.pipeline.workers import Workers

_EXTENSIONS: Final = {JPEG: "jpg", TIFF: "tif", PDF: "pdf"}
_FORMATS: Final = {JPEG: "jpeg", TIFF: "tiff-g4", PDF: "pdf"}
_CERTAINTY: Final = {face.Level.SURE: 1.0, face.Level.LIKELY: 0.5, face.Level.NO: 0.0}
_LONG_SIDE_INCH: Final = 11.69
_USUAL_DPI: Final = (75, 100, 150, 200, 240, 300, 400, 600)
_DEFAULT_DPI: Final = 300
_MIN_DPI, _MAX_DPI = 50, 1200


@dataclass(frozen=True, slots=True)
class _Input:
    """One image of a file; `stem` is the name of its output."""

    name: str
    stem: str
    raster: face.Raster


@dataclass(slots=True)
class _Outcome:
    """Errors so far: the first one gives the exit status."""

    status: int = 0

    def note(self, name: str, error: SuianError) -> None:
        """Say what is wrong with a file and go on."""
        typer.echo(f"suian: {name}: {error}", err=True)
        self.status = self.status or error.exit_status


def process(
    *,
    files: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Images or PDFs, one face an image.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where pages go.")],
    duplex: Annotated[
        bool, typer.Option("--duplex", help="Neighbours are the two sides of a sheet.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line an image.")] = False,
    backend: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    jpeg_quality: Annotated[int, typer.Option(min=50, max=100, help="libjpeg quality.")] = 85,
    encoder: Annotated[str, typer.Option(help="turbo or numba: the same JPEG bytes.")] = "turbo",
    bilevel: Annotated[
        bool, typer.Option("--bilevel", help="Pages of clean black text become black and white.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="A PDF of one page around each.")] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, max=256, help="Else as many as there are cores.")
    ] = None,
) -> None:
    """Send images through the kernels and write every page, the blank ones too."""
    if backend not in ("auto", "cpu", "gpu"):
        raise ConfigError("the backend is auto, cpu or gpu", backend=backend)
    if encoder not in ("turbo", "numba"):
        raise ConfigError("the encoder is turbo or numba", encoder=encoder)
    choice: Literal["auto", "cpu", "gpu"] = backend  # type: ignore[assignment]
    writer: Literal["turbo", "numba"] = encoder  # type: ignore[assignment]
    _make(out, files)
    kernels = face.kernels(choice, writer)
    profile = Profile(
        jpeg_quality=jpeg_quality,
        clean_text="bilevel" if bilevel else "keep",
        container="pdf" if pdf else "image",
    )
    outcome = _Outcome()
    with Workers(kernels, profile, threads) as workers:
        sheets = _sheets(_images(files, outcome), 2 if duplex else 1)
        for item, done in _worked(sheets, workers):
            try:
                target = _write(out, item, done)
            except SuianError as error:
                outcome.note(item.name, error)
                continue
            typer.echo(_json(item, done) if as_json else _line(item, done, target))
    if outcome.status:
        raise typer.Exit(outcome.status)


def _worked(sheets: Iterator[list[_Input]], workers: Workers) -> Iterator[tuple[_Input, face.Face]]:
    """Give every image with its face, in order, while the next ones are read and worked."""
    doing: deque[list[_Input]] = deque()

    def taken() -> Iterator[list[face.Raster]]:
        for sheet in sheets:
            doing.append(sheet)
            yield [item.raster for item in sheet]

    for faces in workers.in_order(taken()):
        yield from zip(doing.popleft(), faces, strict=True)


def _make(out: Path, files: Sequence[Path]) -> None:
    """Make the folder for the pages; it may not hold an input, or a page could replace one."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder: {error.strerror}", out=out) from error
    if any(path.parent.is_dir() and path.parent.samefile(out) for path in files):
        raise ConfigError("the pages may not go where the images are: choose another -o", out=out)


def _images(files: Sequence[Path], outcome: _Outcome) -> Iterator[_Input | None]:
    """Give every image of every file; None stands for a side that cannot be read."""
    taken: set[str] = set()
    for path in files:
        pages = 0
        try:
            for image in iterate(path):
                raster = raster_from(image.pixels, _dpi(image))
                stem = path.stem if pages == 0 else f"{path.stem}-{pages + 1:04d}"
                pages += 1
                yield _Input(path.name, _free(stem, taken), raster)
        except InputError as error:
            outcome.note(path.name, error)
            # What follows a damaged file shall not be taken for the back of its last sheet.
            if pages == 0 or pages % 2:
                yield None


def _free(stem: str, taken: set[str]) -> str:
    """Return the stem, or the stem with a number where another input has taken it."""
    names = (stem if k == 1 else f"{stem}~{k}" for k in count(1))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def _sheets(images: Iterator[_Input | None], faces: int) -> Iterator[list[_Input]]:
    """Group neighbours; the side of a file that cannot be read stays empty."""
    sheet: list[_Input | None] = []
    for image in images:
        sheet.append(image)
        if len(sheet) == faces:
            if any(sheet):
                yield [side for side in sheet if side is not None]
            sheet = []
    if any(sheet):
        yield [side for side in sheet if side is not None]


def _dpi(image: Image) -> int:
    """Return the resolution of a file, or that which makes its longer side an A4 sheet's."""
    if image.dpi is not None and _MIN_DPI <= image.dpi <= _MAX_DPI:
        return image.dpi
    measured = max(image.pixels.shape[:2]) / _LONG_SIDE_INCH
    usual = min(_USUAL_DPI, key=lambda dpi: abs(dpi - measured))
    return usual if abs(usual - measured) <= 0.08 * measured else _DEFAULT_DPI


def _write(out: Path, item: _Input, done: face.Face) -> Path:
    target = out / f"{item.stem}.{_EXTENSIONS[done.media_type]}"
    try:
        target.write_bytes(done.data)
    except OSError as error:
        raise ConfigError(f"cannot write the page: {error.strerror}", out=target) from error
    return target


def _json(item: _Input, done: face.Face) -> str:
    blank = done.blank.level is face.Level.SURE
    return json.dumps(
        {
            "file": item.name,
            "angle_deg": None if blank else done.angle_deg,
            "confidence": done.confidence,
            "skew_corrected": done.skew_corrected,
            "blank": blank,
            "evidence": {
                **done.blank.values,
                "certainty": _CERTAINTY[done.blank.level],
                "reason": done.blank.reason,
            },
            "quality": _numbers(done),
            "crop_px": None if done.crop_px is None else list(done.crop_px),
            "format": _FORMATS[done.media_type],
            "bytes": len(done.data),
            "ms": dict(done.ms),
            "backend": done.steps[0].backend,
        },
        ensure_ascii=False,
    )


def _numbers(done: face.Face) -> dict[str, float | str]:
    """Return the numbers about the capture, the first streak's place, and the worst word."""
    numbers = {name: value for name, value in done.quality.items() if not isinstance(value, str)}
    if done.streaks_mm:
        numbers["streak_mm"] = done.streaks_mm[0]
    return {**numbers, "reason": done.quality["reason"]}


def _line(item: _Input, done: face.Face, target: Path) -> str:
    if done.blank.level is face.Level.SURE:
        what = f"blank ({done.blank.reason})"
    elif done.skew_corrected and done.angle_deg is not None:
        what = f"turned by {-done.angle_deg:.2f} degrees"
    else:
        what = "left as it lies"
    cropped = ", cropped to the sheet" if done.crop_px is not None else ""
    where = f"{target} ({len(done.data)} bytes, {done.ms['total']:.0f} ms)"
    return f"{item.name}: {what}{cropped} -> {where}"
