"""Objects in a real S3-compatible server (rclone's), and servers that are not what they should be.

moto's server was tried too: it checks neither signatures nor checksums, so it proves nothing here.
"""

import hashlib
import http.server
import socket
import threading
from typing import ClassVar

import pytest

from daemon.errors import ConfigError, SpoolFailed
from daemon.stream.court import object_store
from daemon.stream.court.object_store import Location, ObjectStore
from tests.object_store import BUCKET, ENVIRONMENT, Server


@pytest.fixture
def store(server, request):
    return ObjectStore(Location.parse(f"{server.url}/{request.node.name[:40]}"), 4, ENVIRONMENT)


def test_bytes_come_back_as_they_were_put_and_the_last_put_counts(store, server):
    store.put("案/a.jpg", b"first", "image/jpeg")
    store.put("案/a.jpg", b"second", "image/jpeg")
    assert store.get("案/a.jpg") == b"second"
    assert store.get("案/b.jpg") is None
    assert server.objects(store.location.prefix) == {"案/a.jpg": b"second"}


def test_an_empty_object_and_a_large_file_are_checked_too(store, tmp_path):
    store.put("empty", b"", "text/plain")
    assert store.get("empty") == b""
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 4096 * 20)  # more than one part
    store.put_file("large", large, "application/pdf")
    assert (
        hashlib.sha256(store.get("large")).digest() == hashlib.sha256(large.read_bytes()).digest()
    )


def test_names_are_listed_in_order_and_behind_a_name(store):
    for number in (10, 2, 1, 300):
        store.put(f"journal/e/{number:012}", b"x", "text/plain")
    listed = list(store.names("journal/e/"))
    assert listed == [f"journal/e/{number:012}" for number in (1, 2, 10, 300)]
    assert list(store.names("journal/e/", f"journal/e/{2:012}")) == listed[2:]
    assert list(store.names("journal/")) == ["journal/e/"]
    assert list(store.names("nothing/")) == []


def test_what_is_removed_is_gone_and_removing_it_again_does_no_harm(store):
    store.put("a", b"x", "text/plain")
    store.remove("a")
    store.remove("a")
    assert store.get("a") is None


def test_a_place_further_in_shares_the_bucket(store):
    inner = store.inside("hall-1")
    inner.put("a", b"x", "text/plain")
    assert store.get("hall-1/a") == b"x"


@pytest.mark.parametrize("wrong", [{"AWS_SECRET_ACCESS_KEY": "no"}, {"AWS_ACCESS_KEY_ID": "no"}])
def test_a_wrong_key_is_named_as_what_it_is(server, wrong):
    with pytest.raises(ConfigError, match="AWS_SECRET_ACCESS_KEY"):
        ObjectStore(Location.parse(server.url), 4, ENVIRONMENT | wrong)


def test_a_missing_key_is_asked_for(server):
    with pytest.raises(ConfigError, match="in the environment"):
        ObjectStore(Location.parse(server.url), 4, {})


def test_a_missing_bucket_is_named(server):
    url = server.url.replace(BUCKET, "nowhere")
    with pytest.raises(ConfigError, match="no such bucket"):
        ObjectStore(Location.parse(url), 4, ENVIRONMENT)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(object_store, "_TRIES", 1)
    monkeypatch.setattr(object_store, "_READ_S", 0.2)


@pytest.mark.usefixtures("impatient")
def test_a_silent_endpoint_and_a_closed_port_are_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SpoolFailed, match="does not answer"):
            ObjectStore(Location.parse(f"http://{address}/court"), 4, ENVIRONMENT)
    with pytest.raises(SpoolFailed, match="does not answer"):
        ObjectStore(Location.parse(f"http://{address}/court"), 4, ENVIRONMENT)


def test_a_store_that_is_away_for_a_moment_is_waited_for(store, server):
    store.put("a", b"before", "text/plain")
    server.stop()
    back = threading.Timer(0.5, server.start)
    back.start()
    store.put("a", b"behind", "text/plain")
    back.join()
    assert store.get("a") == b"behind"


@pytest.mark.parametrize(
    "url",
    [
        "s3://court/x",
        "https:///court",
        "https://store.example",
        "https://store.example/court/../x",
        "https://store.example/court//x",
        "https://store.example:port/court",
        "https://key:secret@store.example/court",
        "https://store.example/court?x=1",
    ],
)
def test_what_is_no_url_of_a_bucket_is_refused_with_the_right_form(url):
    with pytest.raises(ConfigError, match="https://ENDPOINT/BUCKET") as refused:
        Location.parse(url)
    assert "secret" not in str(refused.value)


def test_plain_http_is_for_loopback_only():
    with pytest.raises(ConfigError, match="loopback"):
        Location.parse("http://192.0.2.1:9000/court")
    assert Location.parse("http://127.0.0.1:9000/court/a/b/").prefix == "a/b/"
    assert str(Location.parse("https://store.example/court/a")) == "https://store.example/court/a/"


def test_over_tls_the_store_is_believed_only_with_its_authority(
    tmp_path, authority, stranger, monkeypatch
):
    server = Server(tmp_path, tls=authority.issue("store", addresses=["127.0.0.1"]))
    try:
        location = Location.parse(server.url)
        trusting = ENVIRONMENT | {"SSL_CERT_FILE": str(authority.file)}
        store = ObjectStore(location, 4, trusting)
        store.put("a", b"page", "image/jpeg")
        assert store.get("a") == b"page"
        monkeypatch.setattr(object_store, "_TRIES", 1)
        with pytest.raises(SpoolFailed, match="SSL_CERT_FILE"):
            ObjectStore(location, 4, ENVIRONMENT | {"SSL_CERT_FILE": str(stranger.file)})
    finally:
        server.stop()


class Liar(http.server.BaseHTTPRequestHandler):
    """Confirms every object with an ETag that says nothing, and gives back what it is told to."""

    gives = staticmethod(lambda data: data)
    objects: ClassVar[dict[str, bytes]] = {}

    def _answer(self, body=b"", status=200, **headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        self._answer()

    def do_PUT(self):
        self.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(ETag='"00000000000000000000000000000000"')

    def do_GET(self):
        given = self.gives(self.objects[self.path])
        if given is None:
            gone = b"<Error><Code>NoSuchKey</Code></Error>"
            self._answer(gone, 404, **{"Content-Type": "application/xml"})
        else:
            self._answer(given)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("gives", "trusted"),
    [
        (lambda data: data, True),
        (lambda data: data[:-1], False),
        (lambda data: b"x" + data[1:], False),
        (lambda _: None, False),
    ],
    ids=["the same", "less", "other", "nothing"],
)
def test_where_the_etag_proves_nothing_the_object_is_read_back(monkeypatch, gives, trusted):
    monkeypatch.setattr(Liar, "gives", staticmethod(gives))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as liar:
        threading.Thread(target=liar.serve_forever, daemon=True).start()
        location = Location.parse(f"http://127.0.0.1:{liar.server_port}/court")
        region = {"AWS_REGION": "court-1"}
        store = ObjectStore(location, 4, ENVIRONMENT | region)
        if trusted:
            store.put("a", b"page", "image/jpeg")
        else:
            with pytest.raises(SpoolFailed, match="does not hold the bytes"):
                store.put("a", b"page", "image/jpeg")
        liar.shutdown()
