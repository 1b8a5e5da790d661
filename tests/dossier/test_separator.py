"""What a separator means: a table of decisions, and laws over any sequence of sheets."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.dossier import catalogue, payload
from daemon.dossier.payload import Payload
from daemon.dossier.scope import Scope
from daemon.dossier.separator import Accepted, Content, Outcome, Untrusted, follow, judge
from daemon.errors import SpoolCorrupt
from daemon.page import Position

KEY, OLD_KEY = bytes(range(32)), bytes(range(1, 33))
KEYS = {"K1": KEY, "K0": OLD_KEY}
RULES = catalogue.load()
NO_CASE = {"court": "000000", "specialist": "00", "year": "0000", "type": "0000"}
NO_CASE |= {"sequence": "00000000"}
NO_PLACE = {"stage": "00", "material": "000", "party": "000", "instance": "000"}


def sheet(kind, *, case=129, sheet_id="7KQ2M9XA", **rest):
    """The payload of a separator; what its kind does not use is zeros."""
    values = {"court": "JL0100", "specialist": "00", "year": "2018", "type": "0301"}
    values |= {"sequence": f"{case:08d}", "argument": "000000", "key_id": "K1"}
    values |= {"stage": "LA", "material": "131", "party": "Y01", "instance": "001"} | rest
    if kind in "EG":
        values |= NO_CASE
    if kind == "G":
        values["instance"] = "000"
    if kind in "CEXO":
        values |= NO_PLACE
    if kind == "V":
        values |= NO_PLACE | {"material": "001"}
    return Payload(kind=kind, sheet_id=sheet_id, **values)


def text(kind="M", key=KEY, **rest):
    return payload.sign(sheet(kind, **rest), key)


GOOD, OTHER = text(), text(party="B01")
FORGED = text(key=bytes(32))
UNKNOWN_KEY = text(key_id="K9")
TORN = GOOD[:40]
# signed by us, but no such kind may stand on paper
WRONG_FIELD = ":".join((GOOD.rsplit(":", 1)[0].replace(":M:", ":Z:"), ""))
WRONG_FIELD += payload._check(WRONG_FIELD[:-1], KEY)
FOREIGN = "https://example.org/DZ1:M"


@pytest.mark.parametrize(
    ("texts", "judgement"),
    [
        ((), Content()),
        ((FOREIGN,), Content()),
        (("dz1:M:",), Content()),
        ((GOOD, GOOD), Accepted(sheet("M"))),
        ((GOOD,) * 8, Accepted(sheet("M"))),
        ((GOOD,), Accepted(sheet("M"), ("single_code",))),
        ((GOOD, FOREIGN), Accepted(sheet("M"), ("single_code",))),
        ((text(key=OLD_KEY, key_id="K0"),) * 2, Accepted(sheet("M", key_id="K0"))),
        ((GOOD, OTHER), Untrusted("disagree")),
        ((GOOD, GOOD, OTHER), Untrusted("disagree")),
        ((FORGED,), Untrusted("check")),
        ((FORGED, FORGED, FOREIGN), Untrusted("check")),
        ((UNKNOWN_KEY, UNKNOWN_KEY), Untrusted("unknown_key")),
        ((TORN,), Untrusted("format")),
        (("DZ9:whatever",), Untrusted("format")),
        ((WRONG_FIELD,) * 2, Untrusted("field")),
        ((GOOD, GOOD, FORGED), Untrusted("mixed")),
        ((TORN, GOOD), Untrusted("mixed")),
    ],
)
def test_codes_of_a_sheet_are_judged(texts, judgement):
    assert judge(texts, KEYS) == judgement


def test_without_keys_whatever_bears_our_prefix_is_untrusted():
    assert judge((GOOD, GOOD), {}) == Untrusted("unknown_key")


IN_CASE = Scope(case_number="(2018)吉01民初129号", case_key="JL0100-00-2018-0301-00000129")
IN_131 = replace(IN_CASE, stage="LA", material="131", party="Y01", instance=1)


def go(scope, kind, *, last=None, **rest):
    return follow(scope, sheet(kind, **rest), last, 7, RULES)


@pytest.mark.parametrize(
    ("scope", "kind", "rest", "behind"),
    [
        (Scope(), "C", {}, IN_CASE),
        (IN_131, "C", {}, IN_CASE),
        (IN_CASE, "M", {}, IN_131),
        (IN_CASE, "M", {"argument": "000012"}, replace(IN_131, declared_pages=12)),
        (replace(IN_131, declared_pages=9), "M", {"instance": "002"}, replace(IN_131, instance=2)),
        (IN_CASE, "G", {"material": "141"}, replace(IN_131, material="141", instance=0)),
        (IN_131, "P", {"party": "B01"}, replace(IN_131, party="B01")),
        (replace(IN_131, declared_pages=9), "P", {"party": "B02"}, replace(IN_131, party="B02")),
        (IN_CASE, "M", {"party": "000"}, replace(IN_131, party="000")),
        # what re-establishes where pages go
        (IN_131.quarantine(), "C", {}, IN_CASE),
        (Scope().quarantine(), "C", {}, IN_CASE),
        (IN_CASE.quarantine(), "M", {}, IN_131),
    ],
)
def test_trusted_separators_move_the_scope(scope, kind, rest, behind):
    assert go(scope, kind, **rest) == Outcome(behind)


def test_a_new_case_forgets_material_and_party():
    outcome = go(IN_131, "C", case=5)
    assert outcome.scope == Scope("(2018)吉01民初5号", "JL0100-00-2018-0301-00000005")


@pytest.mark.parametrize("scope", [Scope(), IN_131, IN_131.quarantine()])
def test_an_end_sheet_ends_the_batch_and_with_it_the_scope(scope):
    assert go(scope, "E") == Outcome(Scope(), ends_batch=True)


@pytest.mark.parametrize(
    ("scope", "kind", "rest", "refused"),
    [
        *((IN_131, kind, {}, "kind_not_served") for kind in "SXVO"),
        (Scope(), "M", {}, "no_case"),
        (Scope(), "P", {}, "no_case"),
        (Scope(), "G", {}, "no_case"),
        (Scope().quarantine(), "M", {}, "no_case"),
        (IN_CASE, "M", {"case": 130}, "other_case"),
        (IN_CASE, "M", {"specialist": "02"}, "other_case"),
        (IN_131, "P", {"case": 130}, "other_case"),
        (IN_CASE.quarantine(), "M", {"case": 130}, "other_case"),
        (IN_131.quarantine(), "P", {"party": "B01"}, "quarantined"),
        (IN_131.quarantine(), "G", {}, "quarantined"),
        (IN_131, "P", {"material": "132"}, "other_material"),
        (IN_131, "P", {"stage": "TQ"}, "other_material"),
        (IN_CASE, "P", {}, "other_material"),
        (IN_CASE, "M", {"material": "198"}, "unknown_material"),
        (IN_CASE, "M", {"stage": "ZZ"}, "unknown_material"),
        (IN_CASE, "G", {"material": "198"}, "unknown_material"),
        (IN_CASE, "M", {"party": "Q01"}, "unknown_party"),
        (Scope(), "C", {"type": "7777"}, "unknown_case"),
        (IN_CASE, "M", {"court": "QQ0100"}, "unknown_case"),
    ],
)
def test_separators_that_are_not_acceptable_here_are_refused(scope, kind, rest, refused):
    assert go(scope, kind, **rest) == Outcome(scope, refused=refused)


@pytest.mark.parametrize(
    ("kind", "same_batch", "other_batch"),
    [("C", "repeated", ""), ("E", "repeated", ""), ("G", "", "")]
    + [(kind, "repeated", "repeated") for kind in "MP"],
)
def test_the_very_same_sheet_may_come_again_only_where_that_is_legal(kind, same_batch, other_batch):
    assert go(IN_131, kind, last=None).refused == ""
    assert go(IN_131, kind, last=7).refused == same_batch
    assert go(IN_131, kind, last=6).refused == other_batch


def pages(scope, count):
    found = []
    for _ in range(count):
        position, scope = scope.place(RULES)
        found.append(position)
    return found, scope


def test_pages_before_a_case_are_unassigned_and_behind_a_case_have_the_case_alone():
    assert pages(Scope(), 2) == ([Position()] * 2, Scope())
    alone = Position(case_number=IN_CASE.case_number, case_key=IN_CASE.case_key)
    assert pages(IN_CASE, 2) == ([alone] * 2, IN_CASE)


def test_pages_of_a_material_carry_all_of_its_place_and_are_numbered_from_1():
    scope = replace(IN_131, declared_pages=3)
    found, _ = pages(scope, 3)
    assert found[0] == Position(
        case_number="(2018)吉01民初129号",
        case_key="JL0100-00-2018-0301-00000129",
        stage="LA",
        volume="main",
        material="131",
        party="Y01",
        instance=1,
        page=1,
        declared_pages=3,
    )
    assert [position.page for position in found] == [1, 2, 3]


def test_the_secondary_volume_is_taken_from_the_catalogue():
    assert replace(IN_131, material="171").place(RULES)[0].volume == "secondary"


def test_a_separator_and_a_blank_have_the_place_without_a_number():
    assert IN_131.here(RULES) == replace(IN_131.place(RULES)[0], page=0)


def test_a_material_taken_up_again_is_continued_and_another_instance_begins_at_1():
    first, scope = pages(IN_131, 2)
    second, scope = pages(go(scope, "M", instance="002", sheet_id="00000002").scope, 1)
    third, _ = pages(go(scope, "M", sheet_id="00000003").scope, 1)
    assert [p.page for p in (*first, *second, *third)] == [1, 2, 1, 3]


def test_a_case_begun_again_in_its_batch_numbers_no_page_twice():
    first, scope = pages(IN_131, 2)
    again = go(go(scope, "C", sheet_id="00000002").scope, "M", sheet_id="00000003").scope
    assert [p.page for p in (*first, *pages(again, 1)[0])] == [1, 2, 3]


def test_in_quarantine_no_page_has_a_place_and_none_is_counted():
    _, scope = pages(IN_131, 2)
    found, behind = pages(scope.quarantine(), 3)
    assert found == [Position()] * 3
    assert behind == scope.quarantine()
    assert pages(go(behind, "M", sheet_id="00000002").scope, 1)[0][0].page == 3


def test_the_empty_scope_is_empty_text():
    assert Scope().text() == ""
    assert Scope.parse("") == Scope()


@pytest.mark.parametrize(
    "damaged",
    [
        "{",
        "[]",
        "{}",
        IN_131.text().replace('"instance":1', '"instance":"1"'),
        IN_131.text().replace('"quarantined":false', '"quarantined":0'),
        IN_131.text().replace('"material":"131"', '"material":""'),
        IN_131.text().replace('"pages":[]', '"pages":[["a",0]]'),
        IN_131.text().replace('"pages":[]', '"pages":[["a"]]'),
        IN_131.text().replace('"pages":[]', '"pages":[],"more":1'),
    ],
)
def test_a_scope_that_cannot_be_read_is_an_error_and_never_the_empty_one(damaged):
    assert damaged != IN_131.text()
    with pytest.raises(SpoolCorrupt, match="cannot be read"):
        Scope.parse(damaged)


SHEETS = st.lists(
    st.one_of(
        st.just("page"),
        st.just("doubt"),
        st.builds(
            sheet,
            st.sampled_from("CMGPE"),
            case=st.sampled_from([129, 130]),
            stage=st.sampled_from(["LA", "TQ"]),
            material=st.sampled_from(["131", "171"]),
            party=st.sampled_from(["Y01", "B01"]),
            instance=st.sampled_from(["001", "002"]),
            sheet_id=st.sampled_from(["00000001", "00000002", "00000003"]),
        ),
    ),
    max_size=40,
)


@given(SHEETS)
def test_any_sequence_of_sheets_keeps_the_laws(sequence):
    scope, batch, seen = Scope(), 1, {}
    numbers = defaultdict(list)
    for one in sequence:
        assert Scope.parse(scope.text()) == scope
        before = scope
        if one == "doubt":
            scope = scope.quarantine()
        elif one == "page":
            position, scope = scope.place(RULES)
            place = (position.stage, position.material, position.party, position.instance)
            assert position.case_key == ("" if before.quarantined else before.case_key)
            assert bool(position.page) == bool(position.material) == bool(position.volume)
            if position.material:
                numbers[batch, position.case_key, *place].append(position.page)
        else:
            outcome = follow(scope, one, seen.get(one.sheet_id), batch, RULES)
            scope = outcome.scope
            if outcome.refused:
                assert scope == before
                continue
            assert not scope.quarantined
            seen[one.sheet_id] = batch
            batch += outcome.ends_batch
    for found in numbers.values():
        assert found == list(range(1, len(found) + 1))
