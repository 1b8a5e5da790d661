"""How right the angles of pages are, with and without the gate, beside leptonica and jdeskew.

    python -m benchmarks.skew [--pages 400] [--seed 1] > benchmarks/results/skew.jsonl

Three sets: the test pages of ../shared/data/pages with their truth, the real scans of
../shared/data/scans turned by known angles (there an error is the difference to an estimator's own
answer for the scan as it is), and pages drawn for this run. One line for each set and estimator;
one line for each page that ours would turn wrongly. A set or a peer that is absent is a line on the
error output.

The gate of each is its own: ours is whether `face.process` turns the page; leptonica's what its
documentation asks for, a confidence of 3 and 0.1 degree, as its pixDeskew does; jdeskew has none
but 0.05 degree. Leptonica looks no further than 7 degrees, ours 10, jdeskew 15.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn.pages import Press
from benchmarks.peers import PEERS, NotInstalledError
from benchmarks.record import line
from daemon.images import decode
from daemon.pipeline import face
from daemon.pipeline.pixels import raster_from

DATA: Final = Path(__file__).parents[2] / "shared" / "data"
DPI: Final = 300
TURNS_DEG: Final = (1.37, -2.12, 3.61)
WRONG_DEG: Final = 0.1
_LEPTONICA_CONFIDENCE: Final = 3.0
_LEPTONICA_LEAST_DEG: Final = 0.1
_LEAST_DEG: Final = 0.05
_JDESKEW_LONGEST_PX: Final = 4300
_PROGRESS: Final = 50

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answer:
    """An estimator's angle, counter-clockwise positive, or None; and whether it would turn."""

    angle_deg: float | None
    turns: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A page, and how wrong an angle is for it.

    Attributes
    ----------
    turned_by_deg
        Of a real scan: how it was turned after it was scanned; None for pages with a truth.
    """

    name: str
    kind: str
    pixels: Pixels
    dpi: int
    error_deg: Callable[[float], float]
    is_straight: bool = False
    turned_by_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case, what was answered, and how wrong that is."""

    case: str
    kind: str
    is_straight: bool
    turns: bool
    error_deg: float | None


Estimator = Callable[[Pixels, int], Answer]


def ours() -> tuple[Estimator, Mapping[str, str]]:
    kernels = face.kernels("cpu")

    def estimate(pixels: Pixels, dpi: int) -> Answer:
        raster = raster_from(pixels, dpi)
        (done,) = face.process(raster, None, kernels, face.Profile())
        return Answer(done.angle_deg, done.skew_corrected)

    return estimate, {}


def leptonica(bits: str) -> tuple[Estimator, Mapping[str, str]]:
    """Return its pixFindSkew on bits made by its method of that name."""
    peer = PEERS["leptonica"]
    found = peer.find()

    def estimate(pixels: Pixels, _dpi: int) -> Answer:
        gray = _gray(pixels)
        page = getattr(found, bits)(found.pix(gray, gray.shape[1], 8))
        angle, confidence = found.skew_and_confidence(page)
        sure = confidence >= _LEPTONICA_CONFIDENCE and abs(angle) >= _LEPTONICA_LEAST_DEG
        return Answer(angle, sure)

    return estimate, peer.versions(found)


def jdeskew() -> tuple[Estimator, Mapping[str, str]]:
    """Return it; a page too large for its square of complex numbers is halved first."""
    peer = PEERS["jdeskew"]
    found = peer.find()

    def estimate(pixels: Pixels, _dpi: int) -> Answer:
        gray = _gray(pixels)
        while max(gray.shape) > _JDESKEW_LONGEST_PX:
            gray = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        angle = -float(found(gray))  # what it would turn the page by
        return Answer(angle, abs(angle) >= _LEAST_DEG)

    return estimate, peer.versions(found)


ESTIMATORS: Final[Mapping[str, Callable[[], tuple[Estimator, Mapping[str, str]]]]] = {
    "ours": ours,
    "leptonica": lambda: leptonica("bits"),
    "leptonica, Otsu": lambda: leptonica("bits_by_otsu"),
    "jdeskew": jdeskew,
}


def _gray(pixels: Pixels) -> Pixels:
    flat = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(flat, np.uint8)


def rendered() -> Iterator[Case]:
    """Give the rendered pages with content."""
    with (DATA / "pages" / "truth.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["blank"] == "0":
                (image,) = decode(DATA / "pages" / row["file"])
                true = float(row["angle"])
                yield Case(
                    row["file"],
                    row["kind"],
                    image.pixels,
                    DPI,
                    lambda angle, true=true: angle - true,
                    is_straight=true == 0,
                )


def scans() -> Iterator[Case]:
    """Give the first page of each real scan as it is, then turned."""
    for path in sorted((DATA / "scans").iterdir()):
        if path.suffix == ".csv":
            continue
        image = decode(path, first_page_only=True)[0]
        for turn in (0.0, *TURNS_DEG):
            pixels = _turned(image.pixels, turn) if turn else image.pixels
            yield Case(
                f"{path.stem} {turn:+}",
                path.stem,
                pixels,
                image.dpi or DPI,
                lambda angle, turn=turn: angle - turn,
                turned_by_deg=turn,
            )


def drawn(seed: int, pages: int) -> Iterator[Case]:
    """Give freshly drawn pages."""
    press = Press(seed)
    for number in range(pages):
        page = press.page(number)
        yield Case(
            f"seed {seed}, page {number}",
            page.kind,
            page.pixels,
            page.dpi,
            page.error_deg,
            is_straight=page.is_straight,
        )
        if number % _PROGRESS == _PROGRESS - 1:
            print(f"drawn: {number + 1} of {pages}", file=sys.stderr)


def _turned(pixels: Pixels, angle_deg: float) -> Pixels:
    """Turn a scan about its middle within its own frame; beyond it lies more of its paper."""
    height, width = pixels.shape[:2]
    middle = ((width - 1) / 2, (height - 1) / 2)
    paper = float(np.percentile(pixels[::8, ::8], 90))
    turn = cv2.getRotationMatrix2D(middle, angle_deg, 1.0)
    how = {"flags": cv2.INTER_CUBIC, "borderValue": (paper,) * 3}
    return np.asarray(cv2.warpAffine(pixels, turn, (width, height), **how), np.uint8)


def answered(
    cases: Iterable[Case], estimators: Mapping[str, Estimator]
) -> dict[str, list[Outcome]]:
    """Ask every estimator about every case.

    The scan as it is comes before its turns, and its answer is what the turned ones must agree
    with; itself it is no outcome, since it cannot be wrong.
    """
    outcomes: dict[str, list[Outcome]] = {name: [] for name in estimators}
    own: dict[str, float | None] = {}
    for case in cases:
        for name, estimate in estimators.items():
            answer = estimate(case.pixels, case.dpi)
            error = None if answer.angle_deg is None else case.error_deg(answer.angle_deg)
            if case.turned_by_deg == 0:
                own[name] = error
                continue
            if case.turned_by_deg is not None:
                base = own[name]
                error = None if error is None or base is None else error - base
            outcomes[name].append(
                Outcome(case.name, case.kind, case.is_straight, answer.turns, error)
            )
    return outcomes


def figures(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Return the usual numbers about the errors of some pages."""
    errors = np.sort([abs(one.error_deg) for one in outcomes if one.error_deg is not None])
    if not len(errors):
        return {"pages": 0}
    return {
        "pages": len(errors),
        "mean_deg": round(float(errors.mean()), 4),
        "best_80_mean_deg": round(float(errors[: max(1, len(errors) * 4 // 5)].mean()), 4),
        "within_0.1_percent": round(float((errors <= WRONG_DEG).mean()) * 100, 1),
        "worst_deg": round(float(errors[-1]), 3),
    }


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the figures of a set: all pages, those turned, and those that are straight."""
    turned = [one for one in outcomes if one.turns]
    straight = [one for one in outcomes if one.is_straight]
    wrong = sum(abs(one.error_deg or 0.0) > WRONG_DEG for one in turned)
    askew = len(outcomes) - len(straight)
    return {
        "pages": len(outcomes),
        "all": figures(outcomes),
        "turned": figures(turned) | {"wrong": wrong},
        "askew_pages_turned_percent": round(
            100 * sum(not one.is_straight for one in turned) / max(1, askew), 1
        ),
        "straight_pages": len(straight),
        "straight_pages_turned": sum(one.turns for one in straight),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--pages", type=int, default=400)
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    cv2.setNumThreads(1)
    estimators: dict[str, Estimator] = {}
    versions: dict[str, Mapping[str, str]] = {}
    for name, make in ESTIMATORS.items():
        try:
            estimators[name], versions[name] = make()
        except NotInstalledError as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
    sets: list[tuple[str, Callable[[], Iterator[Case]], dict[str, Any]]] = [
        ("test pages", rendered, {}),
        ("real scans, turned", scans, {"turns_deg": TURNS_DEG}),
        (
            "drawn pages",
            lambda: drawn(options.seed, options.pages),
            {"seed": options.seed, "typefaces": len(Press(options.seed).faces)},
        ),
    ]
    if not DATA.is_dir():
        print("left out: the test pages (../shared/data) are absent", file=sys.stderr)
        sets = sets[-1:]
    for case, give, facts in sets:
        for name, outcomes in answered(give(), estimators).items():
            told = summary(outcomes) | facts
            print(line(f"skew, {case}: {name}", also=versions[name], **told), flush=True)
            for one in outcomes if name == "ours" else ():
                error = one.error_deg or 0.0
                if one.turns and (abs(error) > WRONG_DEG or one.is_straight):
                    print(line(f"skew, wrong: {one.case}", kind=one.kind, error_deg=error))


if __name__ == "__main__":
    main()
