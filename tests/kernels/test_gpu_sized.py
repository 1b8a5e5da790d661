"""Results of a length that only the card knows: whole, and with one wait where they are alike."""

import numpy as np
import pytest

from kernels.cuda.sized import ask, take

pytestmark = pytest.mark.cxx


def laid(name, array, slot):
    there = slot.scratch(name, array.nbytes)
    slot.stream.upload(there, array)
    return there


def brought(data, slot, bits=8, counted=None):
    """A result that lies on the card, as it comes over here; and how often was waited for it."""
    waits, wait = [], slot.stream.wait
    with slot.turn():
        there = laid("data", np.frombuffer(data or b"\0", np.uint8), slot)
        length = laid("length", np.array([counted or len(data)], np.uint64), slot)
        result = ask("a result", there, length, bits, slot)
        slot.stream.wait = lambda: waits.append(1) or wait()
        found = bytes(take(result, slot))
        del slot.stream.wait
    return found, len(waits)


def test_results_come_whole_whatever_the_last_one_was(slot):
    rng = np.random.default_rng(1)
    for size in (1000, 1001, 3, 0, 5, 1 << 18, (1 << 18) + 1, 700_000, 12):
        data = rng.bytes(size)
        assert brought(data, slot)[0] == data


def test_a_result_like_the_last_one_takes_one_wait(slot):
    assert [brought(bytes(size), slot)[1] for size in (8000, 9000, 9001, 100, 113)] == [
        2,
        1,
        1,
        1,
        2,
    ]


def test_a_length_in_bits_takes_the_last_byte_as_well(slot):
    for bits in (1, 8, 9, 16, 17):
        data = bytes(range(1, 1 + (bits + 7) // 8))
        assert brought(data, slot, bits=1, counted=bits)[0] == data


def test_no_more_is_asked_for_than_there_is(slot):
    slot.lengths["a result"] = 1 << 20  # of a page that was larger, in another turn
    assert brought(b"abc", slot) == (b"abc", 1)
