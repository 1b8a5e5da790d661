"""Signatures: who may sign what, and which certificates count."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from daemon.errors import ConfigError, VerificationFailed
from daemon.stream.bundle.sign import Purpose, Signer, Trust
from tests.stream.bundle import pki

DIGEST = bytes(range(32))


@pytest.fixture
def trust(authority):
    return Trust(authority.file)


@pytest.fixture
def issued(authority):
    """Return the PEM of a leaf that the authority issues for a key."""

    def issue(key=pki.EC, *extensions, **rest):
        return pki.pem(pki.certify(key, authority.name, authority.key, *extensions, **rest))

    return issue


@pytest.mark.parametrize("kind", pki.KEYS)
@pytest.mark.parametrize("purpose", Purpose)
def test_what_a_key_signs_is_verified_and_nothing_else(tmp_path, authority, trust, kind, purpose):
    key = pki.KEYS[kind]
    leaf = pki.certify(key, authority.name, authority.key)
    signer = Signer.read(*pki.pair(tmp_path, key, leaf))
    signature = signer.sign(purpose, DIGEST)
    signatory = trust.signatory(signer.certificates_pem, purpose)
    signatory.verify(DIGEST, signature)
    assert signatory.name == signer.name == "hall-1"
    changed = bytes([signature[0], signature[1] ^ 1]) + signature[2:]
    for digest, wrong in ((DIGEST[::-1], signature), (DIGEST, changed), (DIGEST, b"")):
        with pytest.raises(VerificationFailed, match="signature is wrong"):
            signatory.verify(digest, wrong)
    (other,) = set(Purpose) - {purpose}
    with pytest.raises(VerificationFailed, match="signature is wrong"):
        trust.signatory(signer.certificates_pem, other).verify(DIGEST, signature)


def test_a_certificate_below_another_one_counts_when_that_one_comes_along(authority, trust):
    middle_key = pki.KEYS["EC P-384"]
    middle = pki.certify(middle_key, authority.name, authority.key, subject="middle", ca=True)
    leaf = pki.certify(pki.EC, "middle", middle_key)
    trust.signatory(pki.pem(leaf, middle), Purpose.BUNDLE)
    with pytest.raises(VerificationFailed, match="not from the CA"):
        trust.signatory(pki.pem(leaf), Purpose.BUNDLE)


def test_what_an_ordinary_certificate_issued_does_not_count(authority, trust):
    leaf_key = pki.KEYS["EC P-384"]
    leaf = pki.certify(leaf_key, authority.name, authority.key)
    below = pki.certify(pki.EC, "hall-1", leaf_key, subject="hall-2")
    with pytest.raises(VerificationFailed, match="not from the CA"):
        trust.signatory(pki.pem(below, leaf), Purpose.BUNDLE)


def test_a_strangers_certificate_does_not_count_even_under_the_same_names(authority, trust):
    key = pki.KEYS["EC P-384"]
    ours = pki.certify(key, authority.name, key, subject=authority.name, ca=True)
    leaf = pki.certify(pki.EC, authority.name, key)
    for chain in ((leaf,), (leaf, ours)):
        with pytest.raises(VerificationFailed, match="not from the CA"):
            trust.signatory(pki.pem(*chain), Purpose.BUNDLE)


@pytest.mark.parametrize("hours", [(-3, -1), (1, 3)])
def test_a_certificate_must_be_valid_when_it_is_checked(issued, trust, hours):
    with pytest.raises(VerificationFailed, match="not valid now"):
        trust.signatory(issued(hours=hours), Purpose.BUNDLE)
    then = datetime.now(UTC) + timedelta(hours=sum(hours) / 2)
    valid = issued(hours=(-1, 1))
    trust.signatory(valid, Purpose.BUNDLE)
    with pytest.raises(VerificationFailed, match="not valid now"):
        trust.signatory(valid, Purpose.BUNDLE, then)


def test_a_certificate_that_says_its_use_is_held_to_it(issued, trust):
    trust.signatory(issued(pki.EC, pki.SERVER, pki.usage(sign=True)), Purpose.BUNDLE)
    trust.signatory(issued(pki.EC, pki.CLIENT), Purpose.RECEIPT)
    for extension, purpose in (
        (pki.CLIENT, Purpose.BUNDLE),
        (pki.SERVER, Purpose.RECEIPT),
        (pki.usage(sign=False), Purpose.BUNDLE),
    ):
        with pytest.raises(VerificationFailed, match="not for this"):
            trust.signatory(issued(pki.EC, extension), purpose)


@pytest.mark.parametrize("kind", pki.WEAK)
def test_weak_and_foreign_keys_neither_sign_nor_count(tmp_path, authority, issued, trust, kind):
    key = pki.WEAK[kind]
    with pytest.raises(VerificationFailed, match="does not count"):
        trust.signatory(issued(key), Purpose.BUNDLE)
    leaf = pki.certify(key, authority.name, authority.key)
    with pytest.raises(ConfigError, match="cannot sign"):
        Signer.read(*pki.pair(tmp_path, key, leaf))


def test_a_signer_may_be_called_by_its_name_or_by_its_hosts(issued, trust):
    names = x509.SubjectAlternativeName(
        [
            x509.UniformResourceIdentifier("suian://court/appliance/hall-7"),
            x509.DNSName("hall.example"),
        ]
    )
    signatory = trust.signatory(issued(pki.EC, names, subject="anything"), Purpose.BUNDLE)
    assert signatory.name == "hall-7"
    assert signatory.names == {"hall-7", "hall.example"}


def test_a_pair_that_does_not_belong_together_is_refused(tmp_path, authority):
    leaf = pki.certify(pki.EC, authority.name, authority.key)
    with pytest.raises(ConfigError, match="does not belong"):
        Signer.read(*pki.pair(tmp_path, pki.KEYS["EC P-384"], leaf))


def test_what_is_no_certificate_or_key_is_refused(tmp_path, authority, trust):
    leaf = pki.certify(pki.EC, authority.name, authority.key)
    certificate, key = pki.pair(tmp_path, pki.EC, leaf)
    with pytest.raises(ConfigError, match="not a PEM certificate"):
        Signer.read(key, key)
    with pytest.raises(ConfigError, match="not an unencrypted PEM"):
        Signer.read(certificate, certificate)
    with pytest.raises(ConfigError, match="cannot read"):
        Trust(tmp_path / "nothing.pem")
    with pytest.raises(VerificationFailed, match="cannot be read"):
        trust.signatory(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", Purpose.BUNDLE
        )
