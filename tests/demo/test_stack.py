"""The drawn stack is one whole case, the same every time, and says the truth about every sheet."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.demo import mark
from daemon.demo.draw import Canvas
from daemon.demo.pages import FACES
from daemon.demo.stack import SEPARATOR, SeparatorWish, SheetTruth, Stack
from daemon.page import Side


@dataclass(frozen=True)
class Window:
    width_px: int = 2480
    height_px: int = 3508
    dpi: int = 300
    channels: int = 3


def _plain(wish: SeparatorWish) -> NDArray[np.uint8]:
    canvas = Canvas()
    canvas.centred(f"{wish.kind} {wish.stage} {wish.material}", (105, 150), 16)
    return canvas.ink


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack(_plain)


def _truths(stack: Stack) -> list[SheetTruth]:
    return [stack.truth(index) for index in range(len(stack))]


def _seen(stack: Stack, index: int, side: str, window: Window | None = None) -> NDArray[np.uint8]:
    window = window or Window()
    data = stack.face(index, side, window)
    assert len(data) == window.width_px * window.height_px * window.channels
    shape = (window.height_px, window.width_px, window.channels)[: 2 + (window.channels > 1)]
    return np.frombuffer(data, np.uint8).reshape(shape)


def test_case_has_what_a_case_has(stack: Stack) -> None:
    truths = _truths(stack)
    content = [t for t in truths if not t.is_separator]
    assert len(truths) >= 30
    assert {t.stage for t in content} == {"LA", "TQ"}
    assert {t.party for t in content} == {"Y01", "B01"}
    assert len({(t.stage, t.material) for t in content}) >= 5
    assert {t.kind for t in content} | {t.back for t in content} - {""} <= set(FACES)
    assert set(FACES) <= {t.kind for t in content} | {t.back for t in content}
    assert {"photos", "vertical", "handwritten", "statement", "claim"} <= {t.kind for t in content}
    assert {"", "signed"} <= {t.back for t in content}
    assert [t.number for t in truths] == list(range(1, len(truths) + 1))


def test_separators_stand_in_front_of_what_they_name(stack: Stack) -> None:
    truths = _truths(stack)
    assert (truths[0].kind, truths[0].back, truths[0].stage) == (SEPARATOR, SEPARATOR, "")
    place: tuple[str, str, str] | None = None
    for truth in truths[1:]:
        own = (truth.stage, truth.material, truth.party)
        if truth.is_separator:
            assert own != place
            place = own
        assert own == place


def test_some_sheets_run_askew_and_none_beyond_six_degrees(stack: Stack) -> None:
    angles = [abs(t.angle_deg) for t in _truths(stack)]
    assert max(angles) < 6
    assert sum(angle > 2.5 for angle in angles) >= 5
    assert sum(angle < 1 for angle in angles) >= 10


def test_stack_can_be_shorter_or_longer_than_the_case(stack: Stack) -> None:
    short, long = Stack(_plain, sheets=4), Stack(_plain, sheets=300)
    assert (len(short), len(long)) == (4, 300)
    assert short.truth(3).kind == stack.truth(3).kind
    materials = [(t.stage, t.material) for t in _truths(long)]
    assert materials[1:] == sorted(materials[1:], key=materials.index)  # each in one piece
    assert sum(t.is_separator for t in _truths(long)) == sum(t.is_separator for t in _truths(stack))
    with pytest.raises(ValueError, match="sheets"):
        Stack(_plain, sheets=0)


def test_every_kind_of_face_carries_its_number_and_a_blank_back_none(stack: Stack) -> None:
    seen: set[tuple[str, str]] = set()
    for index, truth in enumerate(_truths(stack)):
        if truth.is_separator or (truth.kind, truth.back) in seen:
            continue
        seen.add((truth.kind, truth.back))
        for side in (Side.FRONT, Side.BACK):
            blank = side is Side.BACK and truth.back_is_blank
            expected = None if blank else mark.Mark(truth.number, side)
            assert mark.read(_seen(stack, index, side)[..., ::-1], 300) == expected, (truth, side)


def test_angle_of_the_truth_is_the_angle_on_the_paper(stack: Stack) -> None:
    steep = max(
        (t for t in _truths(stack) if not t.is_separator and not t.back_is_blank),
        key=lambda t: abs(t.angle_deg),
    )
    assert abs(steep.angle_deg) > 2
    for side, sign in (("F", 1), ("B", -1)):
        gray = cv2.cvtColor(_seen(stack, steep.number - 1, side), cv2.COLOR_RGB2GRAY)
        rails = list(mark._rails(gray.astype(np.uint8), 300))
        angles = [-math.degrees(math.atan(rail.along_y / rail.along_x)) for rail in rails]
        assert min(abs(angle - sign * steep.angle_deg) for angle in angles) < 0.1


def test_blank_back_that_does_not_shine_has_no_ink(stack: Stack) -> None:
    bare = [
        index
        for index, truth in enumerate(_truths(stack))
        if truth.back_is_blank and truth.shine == 0 and abs(truth.angle_deg) < 1
    ]
    assert bare
    gray = _seen(stack, bare[0], "B", Window(channels=1))[300:-300, 600:-600]
    assert (gray < int(np.median(gray)) - 40).sum() < 100  # dust only


def test_blank_back_that_shines_shows_its_front_mirrored_and_faint() -> None:
    stack = Stack(_plain, seed=3)
    shining = [
        index
        for index, truth in enumerate(_truths(stack))
        if truth.back_is_blank and truth.shine > 0.05 and truth.kind in ("statement", "photos")
    ]
    assert shining
    window = Window(620, 877, 75, 1)
    index = shining[0]
    front, back = (_seen(stack, index, side, window)[90:800, 90:530] for side in "FB")
    piece = front[20:-20, 20:-20]
    plain, mirrored = (
        cv2.matchTemplate(back, np.ascontiguousarray(image), cv2.TM_CCOEFF_NORMED).max()
        for image in (piece, piece[:, ::-1])
    )
    assert mirrored > 0.5
    assert mirrored > plain + 0.05  # two photographs, one above the other, are nearly symmetric
    assert back.std() < front.std() / 4


def test_same_seed_gives_the_same_bytes_in_any_order_and_another_seed_does_not() -> None:
    window = Window(620, 877, 75, 3)
    places = [(2, "F"), (2, "B"), (17, "F"), (25, "B")]
    first, second, other = Stack(_plain, seed=9), Stack(_plain, seed=9), Stack(_plain, seed=10)
    forwards = [first.face(index, side, window) for index, side in places]
    backwards = [second.face(index, side, window) for index, side in reversed(places)]
    assert forwards == backwards[::-1]
    assert all(other.face(i, s, window) != f for (i, s), f in zip(places, forwards, strict=True))


def test_window_decides_size_and_colour(stack: Stack) -> None:
    small = _seen(stack, 3, "F", Window(1728, 2400, 200, 1))
    large = _seen(stack, 3, "F", Window(2592, 3600, 300, 1))
    expected = mark.Mark(4, Side.FRONT)
    assert mark.read(small, 200) == expected
    assert mark.read(large, 300) == expected
    assert large[1800, :40].max() < 90  # the dark bed beside the sheet
