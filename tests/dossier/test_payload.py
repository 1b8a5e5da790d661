import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.dossier.payload import (
    ALPHABET,
    KINDS,
    LENGTH,
    BadPayload,
    Payload,
    is_ours,
    keys_from,
    new_key_file,
    new_sheet_id,
    newest,
    read,
    sign,
    unsigned,
)
from daemon.errors import ConfigError

KEY = bytes(range(32))
KEYS = {"K3": KEY}
QR_5_Q = 87
QR_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
SHEET = "7KQ2M9XA"
MATERIAL = Payload(
    kind="M",
    court="JL0100",
    specialist="00",
    year="2018",
    type="0301",
    sequence="00000129",
    stage="LA",
    material="131",
    party="Y01",
    instance="002",
    sheet_id=SHEET,
    argument="000000",
    key_id="K3",
)
NO_CASE = {
    "court": "000000",
    "specialist": "00",
    "year": "0000",
    "type": "0000",
    "sequence": "00000000",
}
NO_PLACE = {"stage": "00", "material": "000", "party": "000", "instance": "000"}
CASE = replace(MATERIAL, kind="C", **NO_PLACE)
CARD = replace(MATERIAL, kind="G", instance="000", **NO_CASE)
END = replace(MATERIAL, kind="E", **NO_CASE, **NO_PLACE)
OTHERS = (
    replace(MATERIAL, kind="P"),
    replace(MATERIAL, kind="S", argument="000002"),
    replace(CASE, kind="X", argument="000003"),
    replace(CASE, kind="V", material="002"),
    replace(CASE, kind="O"),
)
ALL = (MATERIAL, CASE, CARD, END, *OTHERS)


def test_the_text_is_the_example_of_the_design_up_to_its_check():
    text = sign(MATERIAL, KEY)
    assert text[:-16] == "DZ1:M:JL0100:00:2018:0301:00000129:LA:131:Y01:002:7KQ2M9XA:000000:K3:"


def test_the_check_is_the_first_80_bits_of_hmac_sha_256_in_base32():
    fields, _, check = sign(MATERIAL, KEY).rpartition(":")
    digest = hmac.new(KEY, fields.encode("ascii"), hashlib.sha256).digest()[:10]
    standard = base64.b32encode(digest).decode("ascii")
    assert check == standard.translate(str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET))


@pytest.mark.parametrize("payload", ALL, ids=lambda payload: payload.kind)
def test_every_kind_fits_the_code_and_reads_back(payload):
    text = sign(payload, KEY)
    assert len(text) == LENGTH <= QR_5_Q
    assert set(text) <= set(QR_ALPHANUMERIC)
    assert read(text, KEYS) == payload
    assert is_ours(text)


def test_all_nine_kinds_were_tried():
    assert sorted(payload.kind for payload in ALL) == sorted(KINDS)


@given(
    payload=st.sampled_from(ALL),
    place=st.integers(0, LENGTH - 1),
    character=st.characters(codec="utf-8"),
)
def test_any_changed_character_is_refused_or_is_not_ours(payload, place, character):
    text = sign(payload, KEY)
    changed = text[:place] + character + text[place + 1 :]
    if changed == text:
        return
    if is_ours(changed):
        with pytest.raises(BadPayload):
            read(changed, KEYS)
    else:
        assert place < 4


@given(
    payload=st.sampled_from(ALL),
    place=st.integers(0, LENGTH),
    piece=st.text(max_size=3),
    cut=st.integers(0, 3),
)
def test_anything_put_in_or_cut_out_is_refused(payload, place, piece, cut):
    text = sign(payload, KEY)
    changed = text[:place] + piece + text[place + cut :]
    if changed != text:
        with pytest.raises(BadPayload):
            read(changed, KEYS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("DZ1:", "format"),
        ("DZ2" + sign(MATERIAL, KEY)[3:], "format"),
        (sign(MATERIAL, KEY).lower(), "format"),
        (sign(MATERIAL, KEY)[:-1], "format"),
        (sign(MATERIAL, KEY)[:-1] + "O", "format"),
        (sign(MATERIAL, KEY).replace(":131:", ":1310:"), "format"),
        (sign(MATERIAL, KEY) + "\n", "format"),
        (sign(MATERIAL, bytes(32)), "check"),
        (sign(replace(MATERIAL, key_id="K4"), KEY), "unknown_key"),
    ],
)
def test_the_reason_of_a_refusal_is_a_fixed_word(text, reason):
    with pytest.raises(BadPayload) as caught:
        read(text, KEYS)
    assert caught.value.reason == reason


def test_fields_that_are_signed_but_make_no_separator_are_refused():
    fields = unsigned(MATERIAL).replace(":131:", ":000:")
    check = sign(MATERIAL, KEY)[-16:]
    with pytest.raises(BadPayload) as caught:
        read(f"{fields}:{check}", KEYS)
    assert caught.value.reason == "check"
    digest = hmac.digest(KEY, fields.encode(), "sha256")[:10]
    bits = int.from_bytes(digest, "big")
    check = "".join(ALPHABET[bits >> 5 * place & 31] for place in range(15, -1, -1))
    with pytest.raises(BadPayload) as caught:
        read(f"{fields}:{check}", KEYS)
    assert (caught.value.reason, caught.value.field) == ("field", "material")


def test_other_codes_are_not_ours():
    for text in ("https://example.org", "dz1:M", "DZ:1", "DZA:1", " DZ1:", "DZ１:M", ""):
        assert not is_ours(text)
    for text in ("DZ1:", "DZ9:whatever"):
        assert is_ours(text)


@pytest.mark.parametrize(
    ("payload", "changes"),
    [
        (CASE, {"stage": "LA"}),
        (CASE, {"argument": "000001"}),
        (CASE, {"sequence": "00000000"}),
        (CASE, {"year": "3018"}),
        (MATERIAL, NO_CASE),
        (MATERIAL, {"stage": "00"}),
        (MATERIAL, {"instance": "000"}),
        (MATERIAL, {"party": "Y00"}),
        (MATERIAL, {"party": "y01"}),
        (MATERIAL, {"sheet_id": "7KQ2M9XI"}),
        (MATERIAL, {"sheet_id": "00000000", "key_id": "00"}),
        (MATERIAL, {"type": "0301\n"}),
        (MATERIAL, {"argument": "0"}),
        (MATERIAL, {"kind": "Q"}),
        (MATERIAL, {"kind": ""}),
        (CARD, {"court": "JL0100"}),
        (CARD, {"instance": "001"}),
        (END, {"year": "2018"}),
    ],
)
def test_a_field_that_its_kind_does_not_allow_is_refused(payload, changes):
    with pytest.raises(BadPayload) as caught:
        replace(payload, **changes)
    assert caught.value.reason == "field"


def test_a_party_is_optional_where_one_is_named():
    assert replace(MATERIAL, party="000").party == "000"


def test_a_fresh_key_file_is_read_and_no_two_are_alike():
    first, second = new_key_file(), new_key_file()
    keys = keys_from(first)
    assert list(keys) == ["K1"]
    assert len(keys["K1"]) == 32
    assert keys["K1"] != keys_from(second)["K1"]


def test_after_a_change_of_key_the_last_signs_and_the_earlier_is_still_read():
    keys = keys_from(new_key_file("K1") + new_key_file("K2"))
    assert newest(keys) == "K2"
    old = replace(MATERIAL, key_id="K1")
    assert read(sign(old, keys["K1"]), keys) == old


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# nothing\n",
        b"K1 = 00\n",
        b"K1 = " + b"0" * 63 + b"\n",
        b"k1 = " + b"0" * 64 + b"\n",
        b"K12 = " + b"0" * 64 + b"\n",
        b"K1: " + b"0" * 64 + b"\n",
        b"K1 = " + b"g" * 64 + b"\n",
        (b"K1 = " + b"0" * 64 + b"\n") * 2,
        b"\xff\xfe\x00",
        bytes(32),
    ],
)
def test_what_is_not_a_key_file_is_refused_without_showing_it(data):
    with pytest.raises(ConfigError) as caught:
        keys_from(data)
    assert "0000" not in str(caught.value)


def test_a_key_id_that_does_not_fit_its_field_is_refused():
    for wrong in ("K", "K10", "1K", "k1", ""):
        with pytest.raises(ConfigError):
            new_key_file(wrong)


def test_a_key_of_another_length_never_signs():
    with pytest.raises(ValueError, match="32 bytes"):
        sign(MATERIAL, bytes(16))


def test_a_sheet_id_is_all_of_the_randomness_it_is_given():
    asked = []

    def random(count):
        asked.append(count)
        return bytes((0xFF, 0x00, 0x00, 0x00, 0x01))

    assert new_sheet_id(random) == "ZW000001"
    assert asked == [5]
