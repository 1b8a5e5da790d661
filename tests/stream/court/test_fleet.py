"""Many appliances at once: real servers, and some that are absent, replaced or taken over."""

import threading
import time
from pathlib import Path

import pytest

from daemon.dossier import verifier
from daemon.errors import ConfigError, ContractError, EpochChanged, Fenced
from daemon.stream.court import fleet, fleet_file
from daemon.stream.court.dial import Appliance
from daemon.stream.court.fleet import Assignment, Fleet
from daemon.stream.court.puller import Puller
from tests import court
from tests.object_store import ENVIRONMENT, Server

ABSENT = "127.0.0.1:1"


@pytest.fixture
def make_hall(tmp_path):
    halls = []

    def make():
        hall = court.Hall(tmp_path / f"appliance-{len(halls)}")
        halls.append(hall)
        return hall

    yield make
    for hall in halls:
        hall.close()


@pytest.fixture
def halls(make_hall):
    halls = [make_hall() for _ in range(3)]
    for hall in halls:
        hall.feed(court.stack())
    return halls


def target(hall):
    return f"127.0.0.1:{hall.server.port}"


def assigned(folder, **targets):
    return [Assignment(n, Appliance(t, "court"), folder / n) for n, t in targets.items()]


class Failures(dict):
    def __call__(self, name, error):
        self[name] = error


class Running:
    """A fleet in a thread, until it is stopped."""

    def __init__(self, assignments):
        self.failures = Failures()
        self.fleet = Fleet(assignments, follow=True, failed=self.failures)
        self.outcomes = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        self.outcomes = {one.name: one for one in self.fleet.run(lambda: None, 0.02)}

    def stop(self):
        self.fleet.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()
        return self.outcomes


def wait_for(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def acknowledged(hall):
    return next(c.acknowledged for c in hall.ledger.consumers() if c.name == "court")


def test_every_appliance_is_pulled_into_a_folder_of_its_own(halls, tmp_path):
    names = ["a", "b", "c"]
    folder = tmp_path / "pulled"
    work = assigned(folder, **dict(zip(names, map(target, halls), strict=True)))
    outcomes = Fleet(work, follow=False, failed=Failures()).run(lambda: None)
    assert [(one.name, one.error, one.pulled.entries) for one in outcomes] == [
        (name, None, 25) for name in names
    ]
    for name in names:
        assert verifier.verify(folder / name).problems == ()


def test_more_appliances_than_are_pulled_at_a_time_are_all_pulled(halls, tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "AT_ONCE", 1)
    work = assigned(tmp_path / "p", a=target(halls[0]), b=target(halls[1]), c=target(halls[2]))
    outcomes = Fleet(work, follow=False, failed=Failures()).run(lambda: None)
    assert [one.pulled.entries for one in outcomes] == [25, 25, 25]


def test_one_that_is_absent_and_one_that_was_replaced_are_named_and_the_others_arrive(
    halls, make_hall, tmp_path, monkeypatch
):
    monkeypatch.setattr(fleet, "_GIVE_UP_S", 0.3)
    folder = tmp_path / "pulled"
    Puller(Appliance(target(make_hall()), "court"), folder / "replaced").run()
    work = assigned(
        folder,
        absent=ABSENT,
        a=target(halls[0]),
        replaced=target(halls[1]),
        b=target(halls[2]),
    )
    failures = Failures()
    outcomes = Fleet(work, follow=False, failed=failures).run(lambda: None)
    assert [type(one.error) for one in outcomes] == [
        ContractError, type(None), EpochChanged, type(None),
    ]  # fmt: skip
    assert [one.pulled.entries for one in outcomes] == [0, 25, 0, 25]
    assert set(failures) == {"absent", "replaced"}
    assert acknowledged(halls[1]) == 0


def test_following_goes_on_with_the_others_when_one_is_taken_over(halls, tmp_path):
    running = Running(assigned(tmp_path / "p", a=target(halls[0]), b=target(halls[1])))
    wait_for(lambda: acknowledged(halls[0]) == acknowledged(halls[1]) == 25)
    Puller(Appliance(target(halls[0]), "court"), tmp_path / "newer").run()
    wait_for(lambda: "a" in running.failures)
    halls[1].feed([court.kept(b"late", page=3), court.kept(b"later", page=4)])
    wait_for(lambda: acknowledged(halls[1]) == 28)
    outcomes = running.stop()
    assert isinstance(outcomes["a"].error, Fenced)
    assert (outcomes["b"].error, outcomes["b"].pulled.entries) == (None, 28)
    assert verifier.verify(tmp_path / "p" / "b").problems == ()


def test_following_tries_an_absent_one_until_it_is_there(halls, tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "_GIVE_UP_S", 0.1)
    hall = halls[0]
    hall.server.stop(0.1)
    running = Running(assigned(tmp_path / "p", a=target(hall), b=target(halls[1])))
    wait_for(lambda: acknowledged(halls[1]) == 25)
    wait_for(lambda: running.fleet.silent() == ["a"])
    hall.serve(hall.server.port)
    wait_for(lambda: acknowledged(hall) == 25)
    assert running.fleet.silent() == []
    assert [one.error for one in running.stop().values()] == [None, None]


def test_a_fleet_can_be_stopped_while_one_does_not_answer(halls, tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "_GIVE_UP_S", 0.1)
    running = Running(assigned(tmp_path / "p", a=ABSENT, b=target(halls[0])))
    wait_for(lambda: acknowledged(halls[0]) == 25 and running.fleet.silent() == ["a"])
    outcomes = running.stop()
    assert running.failures == {}
    assert [(name, one.silent) for name, one in outcomes.items()] == [("a", True), ("b", False)]


def test_what_is_no_error_of_ours_stops_all_and_is_raised(halls, tmp_path, monkeypatch):
    def broken(self):
        raise ZeroDivisionError

    monkeypatch.setattr("daemon.stream.court.store.CourtStore.next_instance", broken)
    work = assigned(tmp_path / "p", a=target(halls[0]))
    with pytest.raises(ZeroDivisionError):
        Fleet(work, follow=True, failed=Failures()).run(lambda: None)


def test_a_process_that_may_not_open_enough_files_is_told_so_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("resource.getrlimit", lambda _: (64, 64))
    with pytest.raises(ConfigError, match="ulimit -n"):
        Fleet(assigned(tmp_path / "p", a=ABSENT), follow=True, failed=Failures())


def test_each_appliance_has_a_prefix_of_its_own_in_a_bucket(halls, tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    server = Server(tmp_path / "s3")
    try:
        text = f"""
            output = "state"
            [s3]
            url = "{server.url}/fleet"
            [[appliance]]
            name = "a"
            address = "{target(halls[0])}"
            [[appliance]]
            name = "b"
            address = "{target(halls[1])}"
        """
        (tmp_path / "fleet.toml").write_text(text)
        work = fleet_file.assignments(fleet_file.load(tmp_path / "fleet.toml"))
        outcomes = Fleet(work, follow=False, failed=Failures()).run(lambda: None)
        assert [one.error for one in outcomes] == [None, None]
        for name, hall in (("a", halls[0]), ("b", halls[1])):
            objects = server.objects(f"fleet/{name}")
            assert f"journal/{hall.ledger.epoch}/000000000001-000000000025" in objects
            assert f"{court.CASE.key}/manifest.json" in objects
    finally:
        server.stop()
    assert (tmp_path / "state" / "a" / ".suian.db").is_file()


# -- the list -------------------------------------------------------------------------------------

GOOD = """
consumer = "archive"
output = "pulled"
pdf = "/data/pdf"
[[appliance]]
name = "hall-1"
address = "127.0.0.1:7443"
[[appliance]]
name = "hall-2"
address = "127.0.0.1:7444"
"""


def test_the_list_says_who_pulls_what_into_which_folder(tmp_path):
    (tmp_path / "list.toml").write_text(GOOD)
    one, two = fleet_file.assignments(fleet_file.load(tmp_path / "list.toml"), accept_released=True)
    assert (one.name, one.directory) == ("hall-1", tmp_path / "pulled" / "hall-1")
    assert (two.appliance.target, two.appliance.consumer) == ("127.0.0.1:7444", "archive")
    assert one.appliance.accept_released
    assert one.pdf == Path("/data/pdf/hall-1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace('"hall-2"', '"HALL-1"'), "two appliances of one name: hall-1"),
        (GOOD.replace("7444", "7443"), "two appliances of one address"),
        (GOOD.replace("127.0.0.1:7444", "192.0.2.1:7443"), "[tls] is needed: hall-2"),
        (GOOD.replace("pdf", "pfd"), "pfd: Extra inputs"),
        (GOOD.replace('"hall-2"', '"../hall-2"'), "appliance.1.name"),
        (GOOD.replace('output = "pulled"', ""), "output: Field required"),
        ('output = "x"', "appliance: Field required"),
        ("appliance = [", "not a TOML file"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused_and_says_why(tmp_path, text, says):
    (tmp_path / "list.toml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        fleet_file.load(tmp_path / "list.toml")
    assert says in str(refused.value)


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the list"):
        fleet_file.load(tmp_path / "none.toml")
