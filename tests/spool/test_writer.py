"""The committing thread: many requests, one COMMIT, and nobody hurt by another's mistake."""

import threading
import time

import apsw
import pytest

from daemon.errors import ContractError, SpoolError, SpoolFailed
from daemon.spool.writer import GROUP, Hooks, Writer


class Told:
    """What the writer told its owner."""

    def __init__(self):
        self.prepared, self.commits, self.failures = [], 0, []

    def hooks(self):
        return Hooks(self.prepared.append, self._committed, self.failures.append)

    def _committed(self):
        self.commits += 1


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def writer(told, tmp_path):
    connection = apsw.Connection(str(tmp_path / "x.db"))
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT")
    writer = Writer(connection, told.hooks())
    writer.connection = connection
    writer.start()
    yield writer
    writer.close()
    connection.close()


def put(writer, number):
    return lambda: writer.connection.execute("INSERT INTO t VALUES (?)", (number,)) and number


def kept(writer):
    sql = "SELECT n FROM t ORDER BY n"
    return [n for (n,) in writer.do(lambda: writer.connection.execute(sql).fetchall())]


class Crowd:
    """Threads that each make one request while the writer is held up by a first one."""

    def __init__(self, writer, works):
        self._writer, self._go, held = writer, threading.Event(), threading.Event()
        self.answers = [None] * len(works)
        gate = threading.Thread(target=writer.do, args=(lambda: held.set() or self._go.wait(),))
        gate.start()
        held.wait()  # its group is closed: nobody else gets into it
        self._threads = [gate]
        for place, work in enumerate(works):
            self._threads.append(threading.Thread(target=self._ask, args=(place, work)))
            self._threads[-1].start()
        while writer._queue.qsize() < len(works):
            time.sleep(0.001)

    def _ask(self, place, work):
        try:
            self.answers[place] = self._writer.do(work, names_files=place == 0)
        except (SpoolError, ContractError, ValueError) as error:
            self.answers[place] = error

    def let_go(self):
        self._go.set()
        for thread in self._threads:
            thread.join()


def test_requests_that_wait_together_are_committed_together(writer, told):
    crowd = Crowd(writer, [put(writer, n) for n in range(GROUP + 8)])
    crowd.let_go()
    assert sorted(crowd.answers) == list(range(GROUP + 8))
    assert told.commits == 3  # the one that held up the others, a full group, the rest
    assert told.prepared.count(True) == 1


def test_a_refused_request_is_rolled_back_alone(writer, told):
    def refuse():
        put(writer, 100)()
        raise ContractError("no")

    def wrong():
        put(writer, 101)()
        raise ValueError("cannot be serialized")

    crowd = Crowd(writer, [put(writer, 1), refuse, put(writer, 1), wrong, put(writer, 2)])
    crowd.let_go()
    # Who came first with 1 is kept, the other one hits the table's constraint.
    kinds = sorted(type(answer).__name__ for answer in crowd.answers)
    assert kinds == ["ContractError", "SpoolError", "ValueError", "int", "int"]
    assert kept(writer) == [1, 2]
    assert told.failures == []


def test_what_nobody_expected_ends_the_writer_and_answers_everybody(writer, told, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    crowd = Crowd(writer, [put(writer, 1), lambda: {}["missing"], put(writer, 2)])
    crowd.let_go()
    assert all(isinstance(answer, SpoolFailed) for answer in crowd.answers)
    assert len(told.failures) == 1
    with pytest.raises(SpoolFailed):
        writer.do(put(writer, 3))


def test_a_failure_elsewhere_stops_what_is_queued(writer, told):
    crowd = Crowd(writer, [put(writer, 1), put(writer, 2)])
    writer.fail(SpoolFailed("a sync failed"))
    writer.fail(SpoolFailed("and another"))
    crowd.let_go()
    assert all(isinstance(answer, SpoolFailed) for answer in crowd.answers)
    assert [failure.message for failure in told.failures] == ["a sync failed"]


def test_a_close_commits_what_is_queued_and_refuses_what_comes_later(writer, told):
    crowd = Crowd(writer, [put(writer, n) for n in range(3)])
    closing = threading.Thread(target=writer.close)
    closing.start()
    crowd.let_go()
    closing.join()
    assert sorted(crowd.answers) == [0, 1, 2]
    with pytest.raises(SpoolError, match="closed"):
        writer.do(put(writer, 3))
