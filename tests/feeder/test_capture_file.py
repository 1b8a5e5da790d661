import base64
import json
import tracemalloc
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.errors import InputError
from daemon.feeder.capture import file as capture_file
from daemon.feeder.capture import replay
from tests.feeder.recorded import jammed_batch, lines_of, session, written

KIB = 1024


@pytest.fixture
def jammed():
    return jammed_batch()


def test_what_is_no_capture_is_refused(tmp_path):
    for number, content in enumerate([b"", b"\xff\xfe", b"{}", b"[" * 100_000, b"1\n" * 9]):
        file = tmp_path / f"{number}"
        file.write_bytes(content)
        with pytest.raises(InputError):
            replay.replay(file)
    with pytest.raises(InputError, match="cannot read"):
        replay.replay(tmp_path / "missing")


def test_a_file_that_was_cut_off_is_refused(jammed, tmp_path):
    file = tmp_path / "c"
    file.write_text("\n".join(jammed[:-1]))
    with pytest.raises(InputError, match="send it again whole"):
        replay.replay(file)
    file.write_text("\n".join([*jammed[:50], *jammed[51:]]))
    with pytest.raises(InputError, match="lines are missing"):
        replay.replay(file)


def test_a_capture_that_does_not_reach_back_to_the_opening_is_refused(recorded, tmp_path):
    r = recorded(sheets=1, limit_bytes=16 * KIB)
    session(r)
    with pytest.raises(InputError, match="record again"):
        replay.replay(r.dumped(tmp_path / "c"))


def test_a_capture_of_nothing_is_refused(recorded, tmp_path):
    r = recorded()
    with pytest.raises(InputError, match="nothing of a scanner"):
        replay.replay(r.dumped(tmp_path / "c"))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('"operation": "arm"', '"operation": "explode"'),
        ('"dpi": 75', '"dpi": 750000'),
        ('"paper_units": [9921, 14032]', '"paper_units": [9921, 1403200000]'),
        ('"in_address": 129', '"in_address": true'),
        ('"at_ms": ', '"at_ms": 1e999, "x": '),
        ('"what": "image"', '"what": "picture"'),
    ],
)
def test_what_cannot_be_is_refused(jammed, tmp_path, was, becomes):
    assert any(was in line for line in jammed)
    lines = [line.replace(was, becomes) for line in jammed]
    with pytest.raises(InputError):
        replay.replay(written(tmp_path / "c", lines))


def test_a_page_that_was_kept_and_is_damaged_is_refused(recorded, tmp_path):
    r = recorded(sheets=1, images=True)
    session(r)
    lines = r.dumped(tmp_path / "c").read_text().splitlines()
    at = lines_of(lines, "image")[0]
    fields = json.loads(lines[at])
    for content in ("AAAA", "!", fields["content"][:-8], lines_content(lines, at + 3)):
        damaged = [*lines[:at], json.dumps(fields | {"content": content}), *lines[at + 1 :]]
        with pytest.raises(InputError, match=f"line={at + 1}"):
            capture_file.read(written(tmp_path / "d", damaged))


def test_a_page_that_unpacks_without_end_takes_no_memory(recorded, tmp_path):
    r = recorded(sheets=1, images=True)
    session(r)
    lines = r.dumped(tmp_path / "c").read_text().splitlines()
    at = lines_of(lines, "image")[0]
    bomb = base64.b64encode(zlib.compress(bytes(64 << 20))).decode()
    lines[at] = json.dumps(json.loads(lines[at]) | {"content": bomb})
    file = written(tmp_path / "d", lines)
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            capture_file.read(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def lines_content(lines, at):
    later = next(line for line in lines[at:] if "content" in line)
    return json.loads(later)["content"]


relaxed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def survives(file):
    """Replay a file; nothing but InputError may come out."""
    try:
        replay.replay(file)
    except InputError:
        return False
    return True


@relaxed
@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused_or_replayed(tmp_path, content):
    file = tmp_path / "c"
    file.write_bytes(content)
    survives(file)


@relaxed
@given(data=st.data())
def test_any_change_of_a_capture_is_refused_or_replayed(jammed, tmp_path, data):
    text = bytearray("\n".join(jammed[:200]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.integers(0, 255))
    file = tmp_path / "c"
    file.write_bytes(text)
    survives(file)


@relaxed
@given(data=st.data())
def test_any_change_of_what_passed_is_replayed(jammed, tmp_path, data):
    lines = list(jammed[:200])
    for at in data.draw(st.lists(st.sampled_from(lines_of(lines, "in")), min_size=1, max_size=3)):
        fields = json.loads(lines[at])
        came = bytearray.fromhex(fields["data"]) or bytearray(1)
        came[data.draw(st.integers(0, len(came) - 1))] = data.draw(st.integers(0, 255))
        lines[at] = json.dumps(fields | {"data": came.hex()})
    assert survives(written(tmp_path / "c", lines))
