"""The transfers of a sheet of 4 x 3 pixels, and a driver that reads it over a script of them."""

from contextlib import contextmanager

from daemon.feeder import fi, models
from daemon.feeder.fi import WindowId
from daemon.feeder.fi.window import ColourOrder, Mode, Window
from daemon.feeder.image import Sheet, read_sheet
from daemon.feeder.link import Link, attached
from daemon.feeder.session import Session
from tests.feeder.wire import Script, good, sense

FRONT, BACK = WindowId.FRONT, WindowId.BACK
GRAY = Window((48, 36), 100, Mode.GRAY)
PIXELS = bytes(range(12))
END = sense(0, ili=True, eom=True)
PAUSE_S = 25.0


def size(width, height, paper=0):
    """Answer how large a side is; `paper` is the length of the paper."""
    words = [width, height, 0, paper]
    return b"".join(word.to_bytes(4, "big") for word in words) + bytes(16)


def opening(*sizes):
    """Scan as many sides as there are sizes, and tell the sizes."""
    steps = good(fi.scan(*(FRONT, BACK)[: len(sizes)]))
    for side, said in zip(WindowId, sizes, strict=False):
        steps += good(fi.read_pixel_size(side), size(*said))
    return steps


def block(side, data, asked=None):
    return good(fi.read_image(side, asked or len(data)), data)


def ready(side, asked=12):
    return good(fi.image_ready(side, asked))


def whole(side, data=PIXELS):
    """Read a side that fits in a block."""
    return [*ready(side, len(data)), *block(side, data)]


@contextmanager
def reading():
    """Give `read(*steps)`; `read.sheet` is what it read, and each script must be used up."""
    opened = []

    def read(*steps, window=GRAY, order=ColourOrder.DOT_RGB, in_turn=False):
        backend = Script(*steps)
        link = Link(attached(backend, models.load())[0], backend)
        opened.append((link, backend))
        pauses = []
        session = Session(link, clock=lambda: len(pauses) * PAUSE_S, pause=pauses.append)
        read.sheet = Sheet(window, order, in_turn=in_turn)
        return read_sheet(session, read.sheet)

    yield read
    for link, backend in opened:
        link.close()
        assert not backend.steps
