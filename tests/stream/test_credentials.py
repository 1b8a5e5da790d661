import time

import pytest

from daemon.errors import ConfigError
from daemon.stream.credentials import (
    ServerCredentials,
    caller_name,
    client_credentials,
    is_loopback,
)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("127.0.0.1:7443", True),
        ("127.8.9.1:7443", True),
        ("[::1]:7443", True),
        ("localhost:7443", True),
        ("0.0.0.0:7443", False),
        ("[::]:7443", False),
        ("10.0.0.5:7443", False),
        ("localhost.evil.example:7443", False),
        (":7443", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(address, here):
    assert is_loopback(address) is here


def _context(certificate):
    return {"x509_pem_cert": [certificate.read_bytes()]}


@pytest.mark.parametrize(
    ("common", "uris", "name"),
    [
        ("court", (), "court"),
        ("anything", ("spiffe://court.example/suian/consumer/archive",), "archive"),
        ("anything", ("urn:suian:consumer:archive",), "archive"),
        ("anything", ("suian://court.example/consumer/archive",), "archive"),
        ("court", ("suian://court.example/consumer/",), ""),
        ("court", ("spiffe://a/x", "spiffe://a/court"), ""),
    ],
)
def test_a_certificate_names_its_consumer_by_uri_and_else_by_common_name(
    authority, common, uris, name
):
    certificate, _ = authority.issue(common, uris=uris)
    assert caller_name(_context(certificate)) == name


def test_a_certificate_that_cannot_be_read_bears_no_name():
    assert caller_name({"x509_pem_cert": [b"not a certificate"]}) == ""


def test_without_tls_there_is_no_name():
    assert caller_name({}) is None


def test_three_files_are_needed_or_none(authority):
    certificate, key = authority.issue("court")
    assert client_credentials(None, None, None) is None
    assert client_credentials(authority.file, certificate, key) is not None
    with pytest.raises(ConfigError, match="all three"):
        client_credentials(authority.file, certificate, None)


def test_a_key_of_another_certificate_is_refused(authority):
    certificate, _ = authority.issue("court")
    _, key = authority.issue("court")
    with pytest.raises(ConfigError, match="does not belong"):
        client_credentials(authority.file, certificate, key)


def test_a_missing_file_is_named(authority, tmp_path):
    folder = authority.equip(tmp_path / "tls")
    (folder / "server.key").unlink()
    with pytest.raises(ConfigError, match=r"server\.key"):
        ServerCredentials(folder)


def test_a_half_replaced_pair_is_not_taken_and_a_whole_one_is(authority, tmp_path):
    folder = authority.equip(tmp_path / "tls")
    credentials = ServerCredentials(folder)
    assert credentials._newer() is None

    certificate, key = authority.issue("appliance")
    (folder / "server.pem").write_bytes(certificate.read_bytes())
    assert credentials._newer() is None
    (folder / "server.key").write_bytes(key.read_bytes())
    assert credentials._newer() is not None
    assert credentials._newer() is None


def until(hours):
    return pytest.approx(time.time() + hours * 3600, abs=120)


def test_of_a_bundle_the_earliest_expiry_counts(authority, tmp_path):
    folder = authority.equip(tmp_path / "tls", valid_s=(-60, 7200))
    middle, _ = authority.issue("an older CA", valid_s=(-60, 1800))
    assert ServerCredentials(folder).expiries() == {"server": until(2), "clients_ca": until(1)}

    for name in ("server.pem", "clients-ca.pem"):
        with (folder / name).open("ab") as file:
            file.write(middle.read_bytes())
    assert ServerCredentials(folder).expiries() == {"server": until(0.5), "clients_ca": until(0.5)}


def test_a_new_expiry_shows_before_anybody_calls_and_the_next_handshake_still_gets_the_files(
    authority, tmp_path
):
    folder = authority.equip(tmp_path / "tls", valid_s=(-60, 600))
    credentials = ServerCredentials(folder)
    authority.equip(folder, valid_s=(-60, 7200))
    assert credentials.expiries()["server"] == until(2)
    assert credentials._newer() is not None
    assert credentials._newer() is None


def test_unusable_files_are_told_once_and_the_old_ones_stay(authority, tmp_path, caplog):
    folder = authority.equip(tmp_path / "tls")
    credentials = ServerCredentials(folder)
    before = credentials.expiries()
    (folder / "server.pem").write_bytes(b"half of a certifi")
    for _ in range(3):
        assert credentials._newer() is None
        assert credentials.expiries() == before
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "new TLS files are not usable, the old ones stay"
    ]
    (folder / "server.pem").unlink()
    assert credentials.expiries() == before
    assert len(caplog.records) == 2
