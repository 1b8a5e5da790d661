"""A worker's memory on both sides of the link, and what of it is the same on both.

Rule 1: a slot belongs to one worker, works one page at a time, and has one stream of its own.
Rule 2: rasters are never changed once they are made, so what was uploaded stays true until the
next page comes; `begin` forgets it.
Rule 3: a raster that was made on the card stays there until somebody looks at its pixels.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kernels.buffers import Buffers
from kernels.cuda.turns import Pieces, Turns
from kernels.gpu import Card, Memory, Stream
from kernels.raster import SLACK_BYTES, Raster, RasterError


class Placed:
    """A page on the card.

    Attributes
    ----------
    memory
        Where its first row begins.
    width_px, height_px, channels
        Its size; 1 or 3 channels.
    pitch
        Bytes from a row to the next.
    """

    __slots__ = ("channels", "height_px", "memory", "pitch", "width_px")

    def __init__(self, memory: Memory, shape: tuple[int, ...], pitch: int) -> None:
        self.memory = memory
        self.height_px, self.width_px = shape[:2]
        self.channels = shape[2] if len(shape) == 3 else 1
        self.pitch = pitch

    @property
    def row_bytes(self) -> int:
        """Bytes of a row that are the page's."""
        return self.width_px * self.channels

    @property
    def shape(self) -> tuple[int, ...]:
        """As NumPy has it."""
        size = self.height_px, self.width_px
        return size if self.channels == 1 else (*size, self.channels)


class OnCard(Raster):
    """A raster that lies on the card; its pixels come over when they are first asked for.

    Attributes
    ----------
    placed
        Where it lies.
    slot
        Whose page it is.
    """

    __slots__ = ("_fetched", "placed", "slot")
    placed: Placed
    slot: "Slot"
    _fetched: NDArray[np.uint8] | None

    def __init__(self, placed: Placed, dpi: int, slot: "Slot") -> None:
        for name, value in (
            ("placed", placed),
            ("dpi", dpi),
            ("slot", slot),
            ("_fetched", None),
        ):
            object.__setattr__(self, name, value)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The samples, fetched once; not to be written."""
        fetched = self._fetched
        if fetched is None:
            fetched = self.slot.fetch(self.placed)
            object.__setattr__(self, "_fetched", fetched)
        return fetched

    @property
    def height_px(self) -> int:
        """Rows."""
        return self.placed.height_px

    @property
    def width_px(self) -> int:
        """Columns."""
        return self.placed.width_px

    @property
    def is_colour(self) -> bool:
        """True for three samples a pixel."""
        return self.placed.channels == 3


class Slot(Buffers):
    """Memory of one worker, on both sides.

    Parameters
    ----------
    card
        Where its pages are worked.
    turns
        Who may work there now: see `Turns`.

    Attributes
    ----------
    stream
        The worker's own.
    lengths
        How long the last results were, by name: see `sized`.
    """

    def __init__(self, card: Card, turns: Turns) -> None:
        super().__init__()
        self._card = card
        self._turns = turns
        self.stream: Stream = card.stream()
        self.lengths: dict[str, int] = {}
        self._kept = Pieces(card)
        self._desk: Pieces | None = None
        self._pinned: dict[str, NDArray[np.uint8]] = {}
        self._same: dict[int, tuple[NDArray[np.uint8], Placed]] = {}

    def page(self, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return memory for a page that comes in, where the card reads it by itself."""
        return self.pinned(name, shape)

    def pinned(self, name: str, shape: tuple[int, ...], kind: DTypeLike = np.uint8) -> NDArray[Any]:
        """Return an array of that name that the card reaches, uninitialised, with slack."""
        dtype = np.dtype(kind)
        size = math.prod(shape) * dtype.itemsize
        held = self._pinned.get(name)
        if held is None or held.size < size + SLACK_BYTES:
            held = self._pinned[name] = self._card.pinned(size + SLACK_BYTES)
        return held[:size].view(dtype).reshape(shape)

    def there(self, name: str, size_bytes: int) -> Memory:
        """Return memory of that name on the card, uninitialised, that holds until the next page."""
        return self._kept.take(name, size_bytes)

    def scratch(self, name: str, size_bytes: int) -> Memory:
        """Return memory of that name on the card, uninitialised, that holds until the turn ends.

        Raises
        ------
        RasterError
            If it is nobody's turn.
        """
        if self._desk is None:
            raise RasterError(f"{name} is asked for outside of a turn on the card")
        return self._desk.take(name, size_bytes)

    def constant(self, name: str, make: Callable[[], NDArray[Any]]) -> Memory:
        """Return a table on the card, the same for every page; see `Constants.take`."""
        return self._turns.constants.take(name, make)

    @contextmanager
    def turn(self) -> Iterator[Stream]:
        """Wait for a turn on the card, work in the stream, and stand until it is done.

        Raises
        ------
        RasterError
            If this slot has a turn already: two that wait for each other would wait for ever.
        """
        if self._desk is not None:
            raise RasterError("a turn was asked for within a turn")
        with self._turns.one() as desk:
            self._desk = desk
            try:
                yield self.stream
            finally:
                self._desk = None
                self.stream.wait()  # whatever happened: copies may still be under way

    def begin(self) -> None:
        """Forget the page before."""
        self._same.clear()

    def same(self, pixels: NDArray[np.uint8], placed: Placed) -> None:
        """Say that an array of this side has the samples of a page on the card."""
        self._same[pixels.ctypes.data] = pixels, placed

    def lay(self, raster: Raster) -> Placed:
        """Return where a raster lies on the card; it is uploaded if it is not there yet."""
        if isinstance(raster, OnCard):
            return raster.placed
        pixels = raster.pixels
        found = self._same.get(pixels.ctypes.data)
        if found is not None and found[0].shape == pixels.shape:
            return found[1]
        row_bytes = raster.width_px * (3 if raster.is_colour else 1)
        memory = self.there(f"page.{len(self._same)}", pixels.nbytes)
        placed = Placed(memory, pixels.shape, row_bytes)
        self.stream.upload(memory, pixels)
        self.same(pixels, placed)
        return placed

    def fetch(self, placed: Placed) -> NDArray[np.uint8]:
        """Return the samples of a page on the card, as they are now; not to be written."""
        rows = self.pinned("fetched", (placed.height_px, placed.pitch))
        with self.turn() as stream:
            stream.download(rows, placed.memory)
        pixels = np.ascontiguousarray(rows[:, : placed.row_bytes]).reshape(placed.shape)
        pixels.setflags(write=False)
        return pixels
