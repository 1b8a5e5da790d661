"""Reading codes off a face: what is found, what is not, and what it costs on content."""

import cv2
import numpy as np
import pytest
import segno

from daemon.dossier import codes

TEXT = "DZ1:M:JL0100:00:2018:0301:00000129:LA:131:Y01:002:7KQ2M9XA:000000:K3:9F3KQ2XW7HTB4M1V"
OTHER = TEXT.replace("Y01", "B01")
FOREIGN = "https://example.org/invoice/17"
HEIGHT_PX, WIDTH_PX = 3508, 2480
CORNERS = ((200, 200), (1800, 200), (200, 2800), (1800, 2800))


def code(text):
    matrix = np.array(
        [[0 if dark else 255 for dark in row] for row in segno.make(text, error="q").matrix],
        np.uint8,
    )
    return np.kron(np.pad(matrix, 4, constant_values=255), np.ones((11, 11), np.uint8))


def sheet(*texts):
    """An A4 face at 300 dpi with a code in each corner that has a text."""
    page = np.full((HEIGHT_PX, WIDTH_PX), 255, np.uint8)
    for text, (x, y) in zip(texts, CORNERS, strict=False):
        if text:
            drawn = code(text)
            page[y : y + drawn.shape[0], x : x + drawn.shape[1]] = drawn
    return page


def stained(page, *corners):
    """Cover half of the codes at these corners, as spilt coffee does."""
    for x, y in corners:
        page[y + 150 : y + 360, x + 150 : x + 420] = 90
    return page


def scanned(page, *, turned_deg=0.0, seed=1):
    """Half-scale luma as the pipeline hands it over: turned, gray paper, noise."""
    turn = cv2.getRotationMatrix2D((WIDTH_PX / 2, HEIGHT_PX / 2), turned_deg, 1)
    turned = cv2.warpAffine(page, turn, (WIDTH_PX, HEIGHT_PX), borderValue=255)
    noise = np.random.default_rng(seed).normal(0, 8, page.shape)
    dirty = np.clip(turned * 0.8 + 25 + noise, 0, 255).astype(np.uint8)
    return cv2.resize(dirty, (WIDTH_PX // 2, HEIGHT_PX // 2), interpolation=cv2.INTER_AREA)


class Counting:
    """The real second reader, and how often it was asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self._make()

    _make = staticmethod(cv2.QRCodeDetectorAruco)


@pytest.fixture
def second_reader(monkeypatch):
    counting = Counting()
    monkeypatch.setattr(cv2, "QRCodeDetectorAruco", counting)
    return counting


def read(gray):
    return tuple(code.text for code in codes.find(gray))


@pytest.mark.parametrize("turned_deg", [0.0, 4.5, -6.0, 90.0, 180.0])
def test_four_codes_are_read_at_half_scale_however_the_sheet_was_fed(turned_deg, second_reader):
    page = sheet(TEXT, TEXT, TEXT, TEXT)
    if turned_deg in {90.0, 180.0}:
        found = codes.find(np.ascontiguousarray(np.rot90(scanned(page), int(turned_deg // 90))))
    else:
        found = codes.find(scanned(page, turned_deg=turned_deg))
    assert tuple(code.text for code in found) == (TEXT,) * 4
    assert all(code.upright is (abs(turned_deg) < 45) for code in found)
    assert all(code.upside_down is (turned_deg == 180) for code in found)
    assert second_reader.asked == 0


def test_two_different_codes_are_both_reported():
    assert sorted(read(scanned(sheet(TEXT, OTHER)))) == sorted([TEXT, OTHER])


def test_a_page_without_codes_never_asks_the_second_reader(second_reader, shared_data):
    files = sorted((shared_data / "pages").glob("*.jpg"))
    assert files
    for file in files:
        gray = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        half = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        assert read(half) == ()
    assert second_reader.asked == 0


def test_a_foreign_code_is_reported_and_does_not_ask_the_second_reader(second_reader):
    assert read(scanned(sheet(FOREIGN))) == (FOREIGN,)
    assert second_reader.asked == 0


def test_a_stained_code_gives_no_text_and_the_clean_ones_do():
    page = stained(sheet(TEXT, TEXT, TEXT, TEXT), *CORNERS[:2])
    assert read(scanned(page)) == (TEXT, TEXT)


def test_a_code_both_readers_see_counts_once(second_reader):
    page = stained(sheet(TEXT, TEXT, TEXT, TEXT), *CORNERS[:3])
    assert read(scanned(page)) == (TEXT,)
    assert second_reader.asked == 1


def test_a_face_of_stained_codes_asks_the_second_reader_and_invents_nothing(second_reader):
    page = stained(sheet(TEXT, TEXT, TEXT, TEXT), *CORNERS)
    assert read(scanned(page)) == ()
    assert second_reader.asked == 1


def test_what_only_the_second_reader_reads_is_added(monkeypatch):
    """The first reader is given a face on which it sees one code; the second sees the whole."""
    whole = scanned(sheet(TEXT, TEXT))
    first = codes._first_reader
    half = whole.copy()
    half[:, : WIDTH_PX // 4 + 200] = 200
    monkeypatch.setattr(codes, "_first_reader", lambda _gray: first(half))
    assert read(whole) == (TEXT, TEXT)


def test_a_second_reader_that_trips_over_a_pattern_leaves_what_the_first_has(monkeypatch):
    class Tripping:
        def detectAndDecodeMulti(self, _gray):  # noqa: N802
            raise cv2.error("assertion failed")

    monkeypatch.setattr(cv2, "QRCodeDetectorAruco", Tripping)
    assert read(scanned(sheet(TEXT))) == (TEXT,)
