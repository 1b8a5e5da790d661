"""Which faces are taken for blank: thousands that carry little, and others that carry nothing.

    python -m benchmarks.blank --light 15000 --blank 1000 --seed 101 102 --processes 2

One JSON line for each kind of face (verdicts; how many each peer's rule removes), one for each
false removal with all that is needed to draw it again, and one for everything together. Peers'
rules are re-stated here from what they document, and named so:

* NAPS2 (exclude blank pages, default thresholds 70 and 25): blank where at most 0.25 % of the
  pixels, a border of 1 % left out, have a luma below 179.
* SANE `--swskip P` (sanei_magic, 2nd version): blank where no block of half an inch has a mean
  darkness of more than P %; the user chooses P.
* A dark fraction of 0.1 %: blank where at most that share of pixels is darker than 128.
"""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn import faces
from benchmarks.drawn.faces import Face, Facts
from benchmarks.drawn.ream import Ream
from benchmarks.record import line
from kernels import blank
from kernels.blank import Level, Verdict
from kernels.buffers import Buffers
from kernels.first_pass import FirstPass, first_pass
from kernels.raster import Raster

Rule = Callable[[Raster, NDArray[np.uint8]], bool]

_CHUNK: Final = 25
_SAY_EVERY_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one face; values and facts of false removals only."""

    kind: str
    group: str
    seed: int
    number: int
    level: str
    reason: str
    removed_by: tuple[str, ...]
    facts: Facts
    values: dict[str, float]
    drawn_ms: float
    judged_ms: float

    @property
    def is_false_removal(self) -> bool:
        """Whether content would have been removed."""
        return self.group == "light" and self.level == Level.SURE.value


def naps2(_: Raster, luma: NDArray[np.uint8]) -> bool:
    height, width = luma.shape
    y, x = height // 100, width // 100
    inner = luma[y : height - y, x : width - x]
    return float(np.count_nonzero(inner < 179)) <= 0.0025 * inner.size


def dark_fraction(_: Raster, luma: NDArray[np.uint8]) -> bool:
    return float(np.count_nonzero(luma < 128)) <= 0.001 * luma.size


def swskip(percent: float, raster: Raster, luma: NDArray[np.uint8]) -> bool:
    """Judge blocks of half an inch, a quarter of an inch of the border left out."""
    side = raster.dpi // 2
    rows, columns = ((length - side // 2) // side for length in luma.shape)
    if rows < 1 or columns < 1:
        return bool(255 - luma.mean() <= percent / 100 * 255)
    start = side // 2
    inner = luma[start : start + rows * side, start : start + columns * side]
    means = cv2.resize(inner, (columns, rows), interpolation=cv2.INTER_AREA)
    return bool(255 - int(means.min()) <= percent / 100 * 255)


RULES: Final[dict[str, Rule]] = {
    "NAPS2's, re-stated": naps2,
    **{f"SANE's swskip={p}, re-stated": partial(swskip, p) for p in (5, 10, 15, 20)},
    "dark fraction 0.1 %": dark_fraction,
}


class Bench:
    """Judges faces as the pipeline does, in memory that is used again."""

    def __init__(self) -> None:
        self._sides = Buffers(), Buffers()

    def judge(self, face: Face) -> tuple[Verdict, NDArray[np.uint8]]:
        """Return the verdict on a face, with the other side of its sheet if there is one; its luma.

        The luma holds until the next face.
        """
        first, seen = self._look(face.raster, self._sides[0])
        back = None if face.other is None else self._look(face.other, self._sides[1])[1]
        return blank.decide(seen, back), first.luma

    def _look(self, raster: Raster, buffers: Buffers) -> tuple[FirstPass, blank.BlankMeasures]:
        first = first_pass(raster, buffers)
        return first, blank.measure(raster, first, buffers)


def judge(ream: Ream, bench: Bench, is_light: bool, number: int) -> tuple[Judged, Face]:
    start = time.thread_time()
    face = (faces.light_face if is_light else faces.blank_face)(ream, number)
    drawn = time.thread_time()
    found, luma = bench.judge(face)
    judged = time.thread_time()
    removed = tuple(name for name, rule in RULES.items() if rule(face.raster, luma))
    wrong = is_light and found.level is Level.SURE
    one = Judged(
        kind=face.kind,
        group=face.group,
        seed=ream.seed,
        number=number,
        level=found.level.value,
        reason=found.reason,
        removed_by=removed,
        facts=face.facts if wrong else {},
        values=found.values if wrong else {},
        drawn_ms=(drawn - start) * 1e3,
        judged_ms=(judged - drawn) * 1e3,
    )
    return one, face


def chunk(seed: int, dump: Path | None, span: tuple[bool, int, int]) -> list[Judged]:
    """Judge the faces of a span; a face that cannot be drawn or judged is said and left out."""
    cv2.setNumThreads(1)
    ream, bench = _tools(seed)
    done = []
    is_light, start, stop = span
    for number in range(start, stop):
        try:
            one, face = judge(ream, bench, is_light, number)
        except Exception as error:  # noqa: BLE001  a campaign of hours goes on
            print(f"failed: light={is_light} number={number}: {error!r}", file=sys.stderr)
            continue
        if dump is not None and _is_wrong(one):
            dump.mkdir(parents=True, exist_ok=True)
            stem = f"{one.group}-{one.kind}-{seed}-{number}-{one.level}".replace(" ", "_")
            cv2.imwrite(str(dump / f"{stem}.png"), face.raster.pixels)
            if face.other is not None:
                cv2.imwrite(str(dump / f"{stem}-other.png"), face.other.pixels)
        done.append(one)
    return done


def _is_wrong(one: Judged) -> bool:
    expected = one.group in ("clean", "worn", "bleed")
    return one.is_false_removal or (expected and one.level != Level.SURE.value)


@lru_cache(maxsize=1)
def _tools(seed: int) -> tuple[Ream, Bench]:
    """Return this process's ream and bench: they are kept from chunk to chunk."""
    return Ream(seed), Bench()


def spans(light: int, blanks: int) -> list[tuple[bool, int, int]]:
    return [
        (is_light, start, min(start + _CHUNK, count))
        for is_light, count in ((True, light), (False, blanks))
        for start in range(0, count, _CHUNK)
    ]


def run(options: argparse.Namespace, seed: int) -> Iterator[Judged]:
    """Judge all faces of a seed, and say from time to time how far it is."""
    work = partial(chunk, seed, options.dump)
    todo = spans(options.light, options.blank)
    total, done, wrong, said = options.light + options.blank, 0, 0, 0.0
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for part in pool.imap(work, todo):
            done += len(part)
            wrong += sum(one.is_false_removal for one in part)
            if time.monotonic() - said > _SAY_EVERY_S:
                said = time.monotonic()
                print(f"{done} of {total} faces, false removals {wrong}", file=sys.stderr)
            yield from part


def kind_line(kind: str, judged: list[Judged]) -> str:
    return line(kind, group=judged[0].group, **_counts(judged))


def _counts(judged: list[Judged]) -> dict[str, Any]:
    levels = Counter(one.level for one in judged)
    removed = Counter(name for one in judged for name in one.removed_by)
    reasons = Counter(f"{one.level}: {one.reason}" for one in judged)
    return {
        "faces": len(judged),
        **{level.value: levels[level.value] for level in Level},
        "reasons": dict(reasons.most_common(6)),
        "removed_by": {name: removed[name] for name in RULES},
    }


def total_lines(judged: list[Judged], seeds: list[int]) -> Iterator[str]:
    """Give one line a group."""
    for group in dict.fromkeys(one.group for one in judged):
        part = [one for one in judged if one.group == group]
        sure = sum(one.level == Level.SURE.value for one in part)
        yield line(
            f"all {group}",
            seeds=seeds,
            **_counts(part),
            removed_share=round(sure / len(part), 4),
            drawn_ms=round(float(np.median([one.drawn_ms for one in part])), 1),
            judged_ms=round(float(np.median([one.judged_ms for one in part])), 1),
        )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Campaign of blank and nearly blank faces.")
    parser.add_argument("--light", type=int, default=3000, help="faces with light content, a seed")
    parser.add_argument("--blank", type=int, default=1000, help="empty faces, a seed")
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--dump", type=Path, help="folder for images of what went wrong")
    return parser.parse_args()


def main() -> None:
    given = options()
    judged = [one for seed in given.seed for one in run(given, seed)]
    kinds: dict[str, list[Judged]] = {}
    for one in judged:
        kinds.setdefault(one.kind, []).append(one)
    for kind, part in kinds.items():
        print(kind_line(kind, part))
    for one in judged:
        if one.is_false_removal:
            print(
                line(
                    "false removal",
                    seed=one.seed,
                    number=one.number,
                    kind=one.kind,
                    reason=one.reason,
                    facts=one.facts,
                    values=one.values,
                )
            )
    for text in total_lines(judged, given.seed):
        print(text)


if __name__ == "__main__":
    main()
