"""One sheet through the workshop: both faces worked, read for separators, given fate and place.

Rule 1: both faces are read for separators before either has a fate.
Rule 2: a separator that is not surely ours, or not legal here, stops the feeder; by site option the
pages behind it go on into quarantine instead. Pages are never guessed into a place.
Rule 3: a face keeps its image whatever its fate, until retention lets it go.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

from daemon.dossier import codes
from daemon.dossier.catalogue import RuleSet
from daemon.dossier.codes import Code
from daemon.dossier.separator import Accepted, Content, Scope, Untrusted, follow, judge
from daemon.errors import UnknownSeparator
from daemon.metrics import Metrics
from daemon.page import Blob, Fate, Page, Position, Role, Scan
from daemon.pipeline.face import Face
from daemon.pipeline.glass import Glass
from daemon.pipeline.pixels import raster_of
from daemon.pipeline.steps import EVIDENCE_BYTES
from daemon.pipeline.workers import Workers

QUARANTINED_SCOPE: Final = "behind_unknown_separator"
_UPSIDE_DOWN: Final = "upside_down"
_SIDEWAYS: Final = "sideways"


@dataclass(frozen=True, slots=True)
class SheetResult:
    """What became of a sheet.

    Attributes
    ----------
    pages
        Front and back, ready to commit.
    scope
        Where the next page goes, as text for the ledger.
    stop_reason
        Not empty: the feeder must stop, and this is the cause.
    ends_batch
        True after an end separator.
    """

    pages: tuple[Page, ...]
    scope: str
    stop_reason: str = ""
    ends_batch: bool = False


@dataclass(frozen=True, slots=True)
class SeparatorRules:
    """How separators are read here.

    Attributes
    ----------
    rules
        The rule set in force.
    keys
        Keys of the separators by key id; none: no sheet is ours.
    last_batch
        Returns the last batch in which a printed sheet id was read, None when never.
    unknown
        What follows a separator that cannot be trusted.
    """

    rules: RuleSet
    keys: Mapping[str, bytes]
    last_batch: Callable[[str], int | None]
    unknown: Literal["stop", "quarantine"]


class Workshop:
    """Works sheets, one after the other.

    Parameters
    ----------
    workers
        The threads that work faces.
    separators
        How separators are read.
    metrics
        Where the time of every step is counted.
    """

    def __init__(self, workers: Workers, separators: SeparatorRules, metrics: Metrics) -> None:
        self._workers = workers
        self._separators = separators
        self._metrics = metrics
        self._glass = Glass()

    def sheet(self, scans: tuple[Scan, ...], scope: str) -> SheetResult:
        """Return the pages of a sheet, front and back, and the scope behind it."""
        before = Scope.parse(scope)
        sources = [partial(raster_of, scan) for scan in scans]
        faces = self._workers.sheet(sources, upside_down=before.stands == _UPSIDE_DOWN)
        self._count(faces)
        faces = tuple(map(self._behind_glass, scans, faces))
        found = [
            code
            for face in self._workers.each(lambda face: codes.find(face.half), faces)
            for code in face
        ]
        match judge([code.text or "" for code in found], self._separators.keys):
            case Content():
                if before.stands == _SIDEWAYS:
                    faces = tuple(_warned(face, "stack_sideways") for face in faces)
                return self._content(scans, faces, before)
            case Accepted() as accepted:
                stands = _standing([code for code in found if code.ours])
                return self._separator(scans, faces, before.fed(stands), accepted)
            case Untrusted(reason):
                return self._untrusted(scans, faces, before, reason)

    def evidence(self, scan: Scan) -> Blob:
        """Return a small picture of what came of a face that was not read to its end."""
        small = self._workers.backend.jpeg.evidence(raster_of(scan), EVIDENCE_BYTES)
        return Blob(Role.EVIDENCE, "image/jpeg", small)

    def _count(self, faces: tuple[Face, ...]) -> None:
        self._metrics.on_gpu.set(self._workers.on_gpu)
        for face in faces:
            self._metrics.redone_faces.inc(face.redone)
            for step, ms in face.ms.items():
                if step != "total":
                    self._metrics.step_seconds.labels(step).observe(ms / 1000)

    def _behind_glass(self, scan: Scan, face: Face) -> Face:
        """Say of a face that its streak lies on the glass, where it was on faces before, too."""
        side = scan.page_id.side
        dirty = self._glass.face(side, face.streaks_mm)
        self._metrics.glass_streaks.labels(side.name.lower()).set(len(self._glass.dirty(side)))
        return _warned(face, "streak_on_glass") if dirty else face

    def _content(
        self, scans: tuple[Scan, ...], faces: tuple[Face, ...], scope: Scope
    ) -> SheetResult:
        pages = []
        for scan, face in zip(scans, faces, strict=True):
            if face.removed:
                # It has a place, so that it can be restored there, but no number of its own.
                pages.append(_page(scan, face, Fate.BLANK, scope.here(self._separators.rules)))
                continue
            position, scope = scope.place(self._separators.rules)
            if scope.quarantined:
                pages.append(_page(scan, face, Fate.QUARANTINED, position, QUARANTINED_SCOPE))
            else:
                pages.append(_page(scan, face, Fate.PAGE, position))
        return SheetResult(tuple(pages), scope.text())

    def _separator(
        self, scans: tuple[Scan, ...], faces: tuple[Face, ...], scope: Scope, read: Accepted
    ) -> SheetResult:
        payload = read.payload
        outcome = follow(
            scope,
            payload,
            self._separators.last_batch(payload.sheet_id),
            scans[0].page_id.batch,
            self._separators.rules,
        )
        if outcome.refused:
            return self._untrusted(scans, faces, scope, outcome.refused)
        at = outcome.scope.here(self._separators.rules)
        pages = tuple(
            replace(
                _page(scan, face, Fate.SEPARATOR, at),
                separator=payload.sheet_id,
                reason=payload.kind,
                warnings=read.warnings,
            )
            for scan, face in zip(scans, faces, strict=True)
        )
        return SheetResult(pages, outcome.scope.text(), ends_batch=outcome.ends_batch)

    def _untrusted(
        self, scans: tuple[Scan, ...], faces: tuple[Face, ...], scope: Scope, reason: str
    ) -> SheetResult:
        """Keep the sheet for a person to decide; stop, or go on into quarantine."""
        pages = tuple(
            _page(scan, face, Fate.QUARANTINED, Position(), f"{UnknownSeparator.label}: {reason}")
            for scan, face in zip(scans, faces, strict=True)
        )
        if self._separators.unknown == "quarantine":
            return SheetResult(pages, scope.quarantine().text())
        return SheetResult(pages, scope.text(), stop_reason=UnknownSeparator.label)


def _standing(ours: Sequence[Code]) -> str:
    """Say how a separator was fed, by the codes that make it one."""
    if all(code.upright for code in ours):
        return "upright"
    if all(code.upside_down for code in ours):
        return _UPSIDE_DOWN
    on_its_side = not any(code.upright or code.upside_down for code in ours)
    return _SIDEWAYS if on_its_side else "mixed"


def _warned(face: Face, warning: str) -> Face:
    return replace(face, warnings=(*face.warnings, warning))


def _page(scan: Scan, face: Face, fate: Fate, position: Position, reason: str = "") -> Page:
    blobs = [Blob(Role.PAGE, face.media_type, face.data)]
    if face.evidence is not None:
        blobs.append(Blob(Role.EVIDENCE, "image/jpeg", face.evidence))
    return Page(
        page_id=scan.page_id,
        fate=fate,
        virtual=scan.virtual,
        captured_at=scan.captured_at,
        position=position,
        width_px=face.pixels.width_px,
        height_px=face.pixels.height_px,
        dpi=face.pixels.dpi,
        blobs=tuple(blobs),
        steps=face.steps,
        warnings=(*face.warnings, *(("incomplete",) if scan.incomplete else ())),
        marked_blank=face.marked,
        reason=face.blank.reason if fate is Fate.BLANK else reason,
    )
