"""The benchmarks run: every case once on a small page; what is not installed is a line."""

import json

import cv2
import numpy as np
import pytest

from benchmarks import cases, chain, peers, run, sheets, spool, stream, throughput
from benchmarks.case import Case, Entry
from benchmarks.faithful import psnr_db
from benchmarks.peers.opencv import turned

DPI = 100
ANGLE_DEG = 2.0
CASES = (*cases.CASES, *chain.CHAIN)


@pytest.fixture(scope="module")
def page():
    pixels = np.full((620, 440, 3), 245, np.uint8)
    words = np.random.default_rng(1)
    for y in range(60, 560, 14):
        for x in range(50, 380, 30):
            pixels[y : y + 7, x : x + words.integers(8, 26)] = (40, 30, 20)
    return sheets.sheet("small", turned(pixels, ANGLE_DEG), DPI, ANGLE_DEG)


@pytest.fixture(scope="module")
def shelf(page):
    keys = {key for case in CASES for key in case.sheets}
    return sheets.Shelf(dict.fromkeys(keys, lambda: page))


@pytest.fixture(scope="module")
def found():
    return run.Found()


def lines_of(case, found, shelf):
    return [json.loads(one) for one in run.lines(case, found, shelf, rounds=1)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_gives_a_line_for_each_who_is_here(case, found, shelf):
    lines = lines_of(case, found, shelf)
    measured = [one for one in lines if "skipped" not in one]
    left_out = [one for one in lines if "skipped" in one]
    names = sorted([one["backend"] for one in measured] + [one["peer"] for one in left_out])
    assert names == sorted(entry.backend for entry in case.everyone)
    assert {entry.backend for entry in case.everyone if entry.needs in ("suian", "opencv", "")} <= {
        one["backend"] for one in measured
    }
    for one in measured:
        assert one["ratio"], "a time without a floor or a peer of the same run"
        assert one["median_ms"] > 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_has_ours_in_it_and_no_name_twice(case):
    names = [entry.backend for entry in case.everyone]
    assert any(entry.role == "ours" for entry in case.everyone)
    assert len(set(names)) == len(names)


def test_peers_that_are_not_installed_are_lines_and_no_failure(monkeypatch, capsys, shelf):
    def absent():
        raise peers.NotInstalledError("it is not here")

    gone = {
        name: peers.Peer(name, absent, peer.versions) if name != "opencv" else peer
        for name, peer in peers.PEERS.items()
    }
    monkeypatch.setattr(run, "PEERS", gone)
    case = next(case for case in CASES if case.name == "chain, whole programs")
    lines = lines_of(case, run.Found(), shelf)
    skipped = [one["peer"] for one in lines if one.get("skipped") == "it is not here"]
    assert skipped == [entry.backend for entry in case.entries if entry.role == "peer"]
    assert next(one["backend"] for one in lines if "skipped" not in one) == "suian"
    assert capsys.readouterr().err.count("it is not here") == len(skipped)


def test_a_peer_that_fails_is_left_out_and_the_others_go_on(found, shelf):
    def fails():
        raise peers.PeerFailedError("it broke")

    broken = Entry("broken", "peer", "", lambda *_: fails, whole_program=True)
    whole = next(case for case in CASES if case.name == "first pass, gray")
    case = Case(whole.name, whole.sheets, (*whole.entries, broken))
    lines = lines_of(case, found, shelf)
    assert [one["skipped"] for one in lines if one.get("peer") == "broken"] == ["it broke"]
    assert {"suian", "memcpy"} <= {one.get("backend") for one in lines}
    assert all("broken" not in one.get("ratio", {}) for one in lines)


def test_all_take_turns_and_every_round_begins_with_another():
    order = []
    work = {name: lambda name=name: order.append(name) for name in "abc"}
    timings = run.measure([work, work], rounds=3)
    assert "".join(order) == "abcabc" + "bcabca" + "cabcab"
    assert [len(timing.cpu_s) for timing in timings.values()] == [3, 3, 3]


def test_the_ratio_is_taken_round_by_round():
    mine, other = run.Timing(cpu_s=[1.0, 4.0, 9.0]), run.Timing(cpu_s=[2.0, 2.0, 9.0])
    assert mine.over(other) == 1.0
    assert other.over(mine) == 1.0


def test_every_group_4_file_shows_the_page(found, shelf, page):
    case = next(case for case in CASES if case.name == "G4 file from packed rows")
    shown = 0
    for entry in case.entries:
        try:
            data = entry.prepare(found.take(entry.needs), page)()
        except peers.NotInstalledError:
            continue
        if isinstance(data, bytes):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert np.array_equal(image, page.bilevel.pixels), entry.backend
            shown += 1
    assert shown >= 2  # ours and Pillow's are always here


def test_every_angle_of_a_skew_case_is_the_pages(found, shelf):
    case = next(case for case in CASES if case.name == "skew from gray")
    angles = [one["angle_deg"] for one in lines_of(case, found, shelf) if "angle_deg" in one]
    assert angles
    assert np.allclose(angles, ANGLE_DEG, atol=0.3)


def test_a_page_turned_the_other_way_is_far_from_the_exact_one(page):
    good = turned(page.gray.pixels, 3.0)
    assert psnr_db(page.gray.pixels, good, 3.0) > 50
    assert psnr_db(page.gray.pixels, good, -3.0) < 20


def test_pages_a_second_are_told_with_and_without_raw(page):
    setups = (
        throughput.Setup("suian", 1),
        throughput.Setup("suian", 2, with_raw=True),
        *(throughput.Setup(name, 2) for name in throughput.HANDS),
    )
    lines = [json.loads(one) for one in throughput.throughput(setups, [page], 1, 0.01)]
    assert [one["threads"] for one in lines] == [1, 2, 2, 2, 2]
    assert all(one["pages_per_s"] > 0 for one in lines)
    assert lines[2]["ratio"]["the same on one thread"] > 0
    assert "raw_per_s" in lines[1]
    assert "raw_per_s" not in lines[0]


def test_the_spool_is_measured_beside_its_floor():
    figures = spool.measure(spool.SETUPS[0], 0.001, 0.3, with_raw=True)
    assert figures["pages"] > 0
    assert figures["floor_ratio"] > 0
    assert figures["durable_ms"]["p50"] <= figures["durable_ms"]["p99"]
    assert figures["acknowledged_ms"]["p50"] is not None
    assert figures["raw_kept"] > 0


def test_the_stream_is_measured_beside_plain_servers(monkeypatch):
    monkeypatch.setattr(stream, "SIZES", (200_000,))
    lines = [json.loads(one) for one in stream.lines(total=2_000_000, rounds=1)]
    assert [one["case"].removeprefix("stream, ") for one in lines] == [
        "suian",
        "suian, mTLS",
        "TCP",
        "HTTP",
        "gRPC",
    ]
    assert all(one["mb_per_s"] > 0 and one["tcp_ratio"] > 0 for one in lines)
