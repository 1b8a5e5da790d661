"""How straight pages become, and which faces are taken for blank, against what is known of them.

    python -m benchmarks.accuracy > benchmarks/results/accuracy.jsonl

Reads the test pages of ../shared/data/pages and says so when they are absent; then draws the demo's
stack of court paper, sheet by sheet. One line a test page, and one line for each set as a whole:
angle errors of the faces with content with and without the confidence gate, and for blanks how
many were removed, kept as likely, missed, and (`false_removals`) how many others were removed.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import line
from daemon.demo.stack import SeparatorWish, Stack
from daemon.images import decode
from daemon.page import PageId, SampleOrder, Scan, Side
from daemon.pipeline import face, pixels

PAGES: Final = Path(__file__).parents[2] / "shared" / "data" / "pages"
DPI: Final = 300


@dataclass(frozen=True, slots=True)
class Window:
    """An A4 sheet in colour, as the emulated scanner sees it."""

    width_px: int = 2480
    height_px: int = 3508
    dpi: int = DPI
    channels: int = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """A face, what is known of it and what the kernels made of it."""

    case: str
    angle_deg: float
    is_blank: bool
    done: face.Face

    @property
    def error_deg(self) -> float | None:
        """How wrong the angle is; None where a face was taken for blank."""
        return None if self.done.angle_deg is None else self.done.angle_deg - self.angle_deg

    @property
    def trusted(self) -> bool:
        """Whether the angle passed the confidence gate."""
        return any(step.name == "skew" and step.values["trusted"] for step in self.done.steps)


def pages(kernels: face.Backend) -> Iterator[Outcome]:
    with (PAGES / "truth.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            (image,) = decode(PAGES / row["file"])
            raster = pixels.raster_from(image.pixels, DPI)
            (done,) = face.process(raster, None, kernels, face.Profile())
            yield Outcome(row["file"], float(row["angle"]), row["blank"] == "1", done)


def drawn(kernels: face.Backend, seed: int) -> Iterator[Outcome]:
    """Give both faces of every sheet of the drawn stack that is not a separator."""
    stack = Stack(bare, seed=seed)
    for index in range(len(stack)):
        truth = stack.truth(index)
        if truth.is_separator:
            continue
        front, back = (scanned(stack, index, side) for side in (Side.FRONT, Side.BACK))
        done = face.process(front, back, kernels, face.Profile())
        yield Outcome(truth.kind, truth.angle_deg, False, done[0])
        yield Outcome(truth.back, -truth.angle_deg, truth.back_is_blank, done[1])


def bare(_: SeparatorWish) -> NDArray[np.uint8]:
    """Return an empty separator: separators are left out here."""
    return np.full((3508, 2480, 3), 255, np.uint8)


def scanned(stack: Stack, index: int, side: Side) -> face.Raster:
    window = Window()
    samples = np.frombuffer(stack.face(index, side, window), np.uint8)
    wire = samples.reshape(window.height_px, window.width_px, window.channels)
    page_id = PageId("00000000", 1, index + 1, side)
    return pixels.raster_of(Scan(page_id, wire, SampleOrder.RGB, DPI, captured_at=0.0))


def page_line(outcome: Outcome) -> str:
    error = outcome.error_deg
    return line(
        outcome.case,
        angle_error_deg=None if error is None else round(error, 4),
        confidence=outcome.done.confidence,
        trusted=outcome.trusted,
        is_blank=outcome.is_blank,
        verdict=outcome.done.blank.level.value,
        reason=outcome.done.blank.reason,
    )


def summary(case: str, outcomes: list[Outcome]) -> str:
    content = [outcome for outcome in outcomes if not outcome.is_blank]
    measured = [one for one in content if one.error_deg is not None]
    verdicts = Counter(one.done.blank.level.value for one in outcomes if one.is_blank)
    return line(
        case,
        faces=len(outcomes),
        angle_all=errors(measured),
        angle_trusted=errors([one for one in measured if one.trusted]),
        blanks=sum(verdicts.values()),
        blanks_sure=verdicts["sure"],
        blanks_likely=verdicts["likely"],
        blanks_missed=verdicts["no"],
        false_removals=sum(one.done.blank.level is face.Level.SURE for one in content),
    )


def errors(outcomes: list[Outcome]) -> dict[str, float]:
    """Return how many faces, and the mean and the worst error of their angles."""
    found = np.abs([one.error_deg or 0.0 for one in outcomes])
    return {
        "faces": len(outcomes),
        "mean_deg": round(float(found.mean()), 4),
        "worst_deg": round(float(found.max()), 4),
    }


def main() -> None:
    kernels = face.kernels("cpu")
    if PAGES.is_dir():
        outcomes = list(pages(kernels))
        for outcome in outcomes:
            print(page_line(outcome))
        print(summary("test pages", outcomes))
    else:
        print("left out: the test pages (../shared/data/pages) are absent", file=sys.stderr)
    for seed in (1, 2):
        print(summary(f"drawn stack, seed {seed}", list(drawn(kernels, seed))))


if __name__ == "__main__":
    main()
