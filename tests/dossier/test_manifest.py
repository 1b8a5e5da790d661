"""The manifest's bytes: deterministic, chained as its docstring says, and counting everything."""

import hashlib
import json
import random
from dataclasses import replace

import pytest

from daemon.dossier import catalogue, manifest
from daemon.page import BlobRef, Fate, PageId, Position, Role, Side

RULES = catalogue.load()
CASE = "(2018)吉01民初129号"
KEY = "JL0100-00-2018-0301-00000129"
FACTS = manifest.CaseFacts(
    appliance="hall-1",
    epoch="0badc0de-0000-4000-8000-000000000000",
    sequence=40,
    entry_hash=bytes(32),
    case_number=CASE,
    case_key=KEY,
    case_type="0301",
    batches=(manifest.BatchFacts(3, True, 9, 0, {Fate.PAGE: 12, Fate.LOST: 6}),),
)


def row(sequence, material="111", fate=Fate.PAGE, **rest):
    volume = RULES.material(material).volume if material else ""
    stage, party, instance = ("LA", "Y01", 1) if material else ("", "", 0)
    declared = rest.pop("declared", 0)
    position = Position(
        CASE, KEY, stage, volume, material, party, instance, declared_pages=declared
    )
    side = Side.FRONT if sequence % 2 else Side.BACK
    ref = BlobRef(Role.PAGE, "image/jpeg", hashlib.sha256(bytes([sequence])).digest(), sequence)
    values = {
        "page_id": PageId("0badc0de", 3, (sequence + 1) // 2, side),
        "record_hash": hashlib.sha256(b"record %d" % sequence).digest(),
        "reason": "",
        "virtual": False,
        "position": position,
        "blobs": (manifest.Kept(ref, f"{KEY}/{volume}/{sequence}.jpg"),),
    }
    standing = rest.pop("standing", fate.value)
    return manifest.Row(sequence=sequence, fate=fate, standing=standing, **(values | rest))


ROWS = (
    row(1, "", Fate.SEPARATOR, separator="7KQ2M9XA"),
    row(2, "131", warnings=("streak suspected",)),
    row(3, "111", marked_blank=True),
    row(4, "111", Fate.BLANK, reason="surely blank"),
    row(5, "990"),
    row(6, "171"),
    row(7, "", Fate.LOST),
)


def made(rows=ROWS, facts=FACTS):
    return json.loads(manifest.build(facts, rows, RULES))


def test_pages_stand_in_archival_order_and_all_other_faces_in_order_of_capture():
    tree = made()
    assert [(p["sequence"], p["volume"], p["number"]) for p in tree["pages"]] == [
        (3, "main", 1),
        (2, "main", 2),
        (6, "secondary", 1),
        (5, "apart", None),
    ]
    assert [(o["sequence"], o["fate"]) for o in tree["others"]] == [
        (1, "separator"),
        (4, "blank"),
        (7, "lost"),
    ]
    assert all("number" not in other for other in tree["others"])


def test_counts_reconcile_every_face():
    head = made()["head"]
    assert head["faces"] == 7
    assert head["counts"] == {
        "page": 4, "blank": 1, "separator": 1, "lost": 1,
        "superseded": 0, "quarantined": 0, "refused": 0,
    }  # fmt: skip
    assert head["volumes"] == [
        {"volume": "main", "pages": 2, "last_number": 2},
        {"volume": "secondary", "pages": 1, "last_number": 1},
        {"volume": "apart", "pages": 1, "last_number": None},
    ]
    (batch,) = head["batches"]
    assert (batch["sheets"], batch["faces"], batch["faces_in_case"]) == (9, 18, 7)


def test_the_head_says_whose_case_by_which_rule_and_from_which_journal():
    head = made()["head"]
    assert (head["appliance"], head["epoch"]) == (FACTS.appliance, FACTS.epoch)
    assert (head["case_number"], head["case_key"]) == (CASE, KEY)
    assert head["rule_set"] == RULES.id
    assert head["journal"] == {"algorithm": "sha256", "sequence": 40, "entry_hash": "00" * 32}


def test_one_page_of_software_marks_the_whole_manifest():
    assert made()["head"]["virtual"] is False
    assert made([*ROWS, row(8, virtual=True)])["head"]["virtual"] is True


def test_a_row_carries_what_the_court_must_know_of_a_page():
    first = made()["pages"][0]
    assert first["page_id"] == "0badc0de-000003-0002-F"
    assert first["record_hash"] == ROWS[2].record_hash.hex()
    assert (first["stage"], first["material"], first["party"]) == ("LA", "111", "Y01")
    assert first["marked_blank"] is True
    assert made()["pages"][1]["warnings"] == ["streak suspected"]
    (blob,) = first["blobs"]
    assert blob == {
        "role": "page", "media_type": "image/jpeg", "size_bytes": 3, "damaged": False,
        "sha256": hashlib.sha256(b"\x03").hexdigest(), "file": f"{KEY}/main/3.jpg",
    }  # fmt: skip


def material(rows, code="111"):
    (found,) = [m for m in made(rows)["head"]["materials"] if m["material"] == code]
    return found


def test_without_a_declaration_no_count_is_attested():
    assert made()["head"]["count_attested"] is False
    found = material(ROWS)
    assert (found["pages"], found["count_attested"], found["differs"]) == (1, False, False)


def begun(sequence, sheet_id, declared):
    """Both faces of a separator sheet."""
    return [
        row(sequence + n, fate=Fate.SEPARATOR, separator=sheet_id, declared=declared)
        for n in (0, 1)
    ]


@pytest.mark.parametrize(
    ("sheets", "captured", "expected"),
    [
        ([("A", 2)], 2, (2, True, False)),
        ([("A", 3)], 2, (3, True, True)),
        ([("A", 1), ("B", 1)], 2, (2, True, False)),
        ([("A", 2), ("B", 0)], 2, (2, False, False)),
        ([("A", 2)], 0, (2, True, True)),
        ([("A", 0)], 0, (0, False, False)),
    ],
)
def test_what_was_declared_is_held_against_what_was_captured(sheets, captured, expected):
    rows = []
    for sheet_id, declared in sheets:
        rows += begun(1 + len(rows), sheet_id, declared)
    rows += [row(20 + n, declared=sheets[-1][1]) for n in range(captured)]
    found = material(rows)
    assert (found["declared_pages"], found["count_attested"], found["differs"]) == expected
    assert found["pages"] == captured


def test_a_case_is_attested_when_each_material_is():
    rows = [*begun(1, "A", 1), row(3, declared=1)]
    assert made(rows)["head"]["count_attested"] is True
    assert made([*rows, row(5, "131")])["head"]["count_attested"] is False


def test_the_same_facts_give_the_same_bytes_however_the_rows_come():
    one = manifest.build(FACTS, ROWS, RULES)
    for seed in range(4):
        shuffled = random.Random(seed).sample(ROWS, len(ROWS))
        assert manifest.build(FACTS, shuffled, RULES) == one


def test_the_file_is_canonical_json_without_floats():
    data = manifest.build(FACTS, ROWS, RULES)
    tree = json.loads(data, parse_float=pytest.fail)
    again = json.dumps(tree, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert again.encode("utf-8") == data
    assert CASE.encode() in data


def test_the_chain_is_the_one_the_docstring_defines():
    tree = made()

    def digest(one):
        text = json.dumps(one, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).digest()

    link = digest(tree["head"])
    for one in tree["pages"] + tree["others"]:
        stated = one.pop("row_hash")
        link = hashlib.sha256(link + digest(one)).digest()
        assert stated == link.hex()
    assert tree["end"] == link.hex()


@pytest.mark.parametrize(
    "changed",
    [
        {"facts": replace(FACTS, sequence=41)},
        {"facts": replace(FACTS, appliance="hall-2")},
        {"rows": ROWS[:-1]},
        {"rows": (*ROWS[:1], replace(ROWS[1], warnings=()), *ROWS[2:])},
        {"rows": (*ROWS[:-1], replace(ROWS[-1], undecided=True))},
    ],
)
def test_whatever_changes_changes_the_end(changed):
    assert made(**changed)["end"] != made()["end"]


def test_a_case_of_separators_only_has_a_manifest_too():
    tree = made([ROWS[0]])
    assert tree["pages"] == []
    assert tree["head"]["volumes"] == []
    assert tree["end"] == tree["others"][0]["row_hash"]
