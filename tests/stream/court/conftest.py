"""Where a court keeps what it has pulled: a folder, and a server of objects."""

import pytest

from tests.object_store import Server


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "court"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()
