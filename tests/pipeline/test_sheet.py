"""What the workshop counts, and what it knows of sheets before: dirt on the glass."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from daemon.metrics import Metrics
from daemon.page import PageId, SampleOrder, Scan, Side
from daemon.pipeline.profile import Profile
from daemon.pipeline.sheet import SeparatorRules, Workshop
from daemon.pipeline.workers import Workers
from kernels.cuda import backend as on_card
from tests import line
from tests.emulator import cards

DPI = 200
SIZE = (1654, 2339)


def scans(number, streak_mm):
    """A printed sheet with a bare back, and a streak on its front or none."""
    front = cv2.resize(line.page(number), SIZE, interpolation=cv2.INTER_AREA)
    if streak_mm is not None:
        left = round(streak_mm * DPI / 25.4)
        front[:, left : left + 2] = 90
    back = np.full_like(front, 244)
    return tuple(
        Scan(PageId("0123abcd", 1, number, side), seen, SampleOrder.BGR, DPI, captured_at=0.0)
        for side, seen in ((Side.FRONT, front), (Side.BACK, back))
    )


def test_a_streak_on_three_faces_of_a_side_is_on_its_glass(kernels):
    metrics = Metrics(CollectorRegistry())
    rules = SeparatorRules(line.RULES, line.KEYS, lambda _sheet_id: None, "stop")
    warned = []
    with Workers(kernels, Profile(), threads=2) as workers:
        workshop = Workshop(workers, rules, metrics)
        for number, streak_mm in enumerate((14.0, None, 14.2, 14.1, 14.0), start=1):
            pages = workshop.sheet(scans(number, streak_mm), "").pages
            warned.append(["streak_on_glass" in page.warnings for page in pages])
    assert warned == [[False, False]] * 3 + [[True, False]] * 2
    assert metrics.glass_streaks.labels("front")._value.get() == 1
    assert metrics.glass_streaks.labels("back")._value.get() == 0


@pytest.mark.cxx
def test_a_face_that_the_card_failed_at_is_counted(kernels):
    metrics = Metrics(CollectorRegistry())
    rules = SeparatorRules(line.RULES, line.KEYS, lambda _sheet_id: None, "stop")
    emulated = cards.cupy_on_cpu()
    backend = on_card.backend(cards.card(emulated), kernels)
    small = [
        replace(scan, samples=np.ascontiguousarray(scan.samples[::4, ::4]), dpi=DPI // 4)
        for scan in scans(1, None)
    ]
    with Workers(backend, Profile(), threads=2) as workers:
        workshop = Workshop(workers, rules, metrics)
        workshop.sheet(tuple(small), "")
        assert metrics.redone_faces._value.get() == 0
        assert metrics.on_gpu._value.get() == 1
        emulated.fail(20)
        workshop.sheet(tuple(small), "")
        assert metrics.redone_faces._value.get() == 1
        emulated.fail(1, "lost")
        for _ in range(3):
            workshop.sheet(tuple(small), "")
        assert metrics.on_gpu._value.get() == 0
