import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from daemon.dossier import case_types, catalogue, courts
from daemon.dossier.rule_file import packaged
from daemon.errors import RuleError

CATALOGUE = packaged(catalogue.CATALOGUE)
ORDERS = packaged(catalogue.ORDERS)
TYPES = case_types.load()


@pytest.fixture(scope="module")
def rules():
    return catalogue.load()


def assembled(old="", new="", *, orders=("", "")):
    assert old in CATALOGUE
    assert orders[0] in ORDERS
    text = CATALOGUE.replace(old, new, 1) if old else CATALOGUE
    return catalogue.assemble(text, ORDERS.replace(*orders, 1) if orders[0] else ORDERS, TYPES)


def test_the_rule_says_who_made_it_and_since_when_it_holds(rules):
    assert rules.id == "changchun-2018-129/1"
    assert rules.issuer == "长春市中级人民法院"
    assert rules.effective_from == date(2018, 9, 11)


def test_stages_come_in_the_order_of_the_case(rules):
    assert list(rules.stages) == ["LA", "TQ", "TH", "JA", "GD"]
    assert rules.stage_name("TQ") == "庭前"


def test_the_catalogue_has_every_material_of_the_rule(rules):
    families = [
        *range(101, 104),
        *range(111, 117),
        *range(121, 126),
        *range(131, 135),
        141,
        *range(151, 154),
        *range(161, 164),
        *range(171, 177),
        181,
        182,
        *range(211, 215),
        900,
        990,
    ]
    assert {str(code) for code in families} | {"177"} == set(rules.materials)
    evidence = rules.material("132")
    assert (evidence.name, evidence.stages) == ("当事人庭前提交的证据材料", ("TQ",))
    assert (evidence.medium, evidence.per, evidence.volume) == ("P/E", "n/party", "main")


def test_internal_papers_are_in_the_secondary_volume_and_990_is_in_no_archival_one(rules):
    secondary = [code for code, material in rules.materials.items() if material.volume != "main"]
    assert secondary == ["171", "172", "173", "174", "175", "176", "177", "990"]
    assert not rules.volumes[rules.material("990").volume].archival
    assert rules.volumes["main"].archival
    assert rules.volume_of("002").name == "副卷"


def test_parties_have_names_and_numbers(rules):
    assert rules.party_name("Y01") == "原告1"
    assert rules.party_name("B12") == "被告12"
    assert rules.party_name("000") == ""
    for wrong in ("Z01", "Y1", "Y00", "Y001", "", "Y０1", "001"):
        with pytest.raises(RuleError):
            rules.party_name(wrong)


def test_unknown_codes_are_refused(rules):
    for ask in (rules.material, rules.stage_name, rules.volume_of):
        with pytest.raises(RuleError):
            ask("999")


def in_order(rules, case_type, things):
    return sorted(things, key=lambda thing: rules.order_key(case_type, *thing))


def codes(rules, case_type, listed):
    things = [(rules.material(code).stages[0], code, "000", 1) for code in listed]
    return [thing[1] for thing in in_order(rules, case_type, things)]


@pytest.mark.parametrize(
    ("case_type", "order"),
    [
        (
            "0301",
            "101 111 102 103 151 125 163 121 122 123 124 131 132 133 134 152 153 162 182 181 141",
        ),
        (
            "0302",
            "101 116 211 102 103 113 151 121 122 123 124 125 131 132 133 134 163 212 213 152 153 "
            "182 162 181 214 141",
        ),
    ],
)
def test_a_main_volume_is_in_the_order_of_the_rule(rules, case_type, order):
    listed = order.split()
    assert codes(rules, case_type, sorted(listed, reverse=True)) == listed


@pytest.mark.parametrize("case_type", ["0201", "0202", "0301", "0302", "0401", "0402"])
def test_every_shipped_case_type_has_an_order_of_both_volumes(rules, case_type):
    assert codes(rules, case_type, ["141", "181", "101"]) == ["101", "181", "141"]
    assert codes(rules, case_type, ["177", "176", "171"]) == ["171", "176", "177"]
    assert rules.order_key(case_type, "JA", "181", "000", 1)[0] > 0


def test_papers_of_the_parties_stand_together_by_party_and_evidence_by_code(rules):
    things = [
        ("LA", "123", "Y01", 1),
        ("LA", "122", "Y02", 1),
        ("LA", "121", "Y02", 1),
        ("LA", "121", "Y01", 1),
        ("LA", "131", "Y02", 1),
        ("LA", "131", "Y01", 2),
        ("LA", "131", "Y01", 1),
    ]
    assert [thing[1:] for thing in in_order(rules, "0301", things)] == [
        ("121", "Y01", 1),
        ("123", "Y01", 1),
        ("121", "Y02", 1),
        ("122", "Y02", 1),
        ("131", "Y01", 1),
        ("131", "Y01", 2),
        ("131", "Y02", 1),
    ]


def test_what_is_not_listed_follows_by_stage_and_leaves_the_rest_to_the_capture(rules):
    listed = rules.order_key("0301", "JA", "141", "000", 1)
    early = rules.order_key("0301", "LA", "900", "Y02", 3)
    late = rules.order_key("0301", "GD", "115", "Y01", 1)
    assert listed < early < late
    assert rules.order_key("0301", "LA", "900", "Y01", 1) == early
    assert rules.order_key("0306", "LA", "900", "Y01", 1)[:2] == (0, 0)


def test_a_later_version_of_an_order_replaces_the_earlier():
    more = '[[order]]\ncase_types = ["0301"]\nvolume = "main"\nversion = 2\ncodes = [["141"]]\n'
    changed = catalogue.assemble(CATALOGUE, f"{ORDERS}\n{more}", TYPES)
    assert changed.order_key("0301", "LA", "141", "000", 1) < changed.order_key(
        "0301", "LA", "101", "000", 1
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('code = "101"', 'code = "102"', "102"),
        ('code = "101"', 'code = "1O1"', "material.0.code"),
        ('code = "TQ"', 'code = "LA"', "LA"),
        ('stages = ["LA"]', 'stages = ["LX"]', "LX"),
        ('volume = "secondary"', 'volume = "third"', "third"),
        ('medium = "E"', 'medium = "X"', "medium"),
        ('medium = "E"', 'medium = "E"\ncolour = "red"', "colour"),
        ('name = "流程信息表"', "", "name"),
        ('name = "流程信息表"', 'name = ""', "name"),
        ('id = "main"', 'id = "secondary"', "secondary"),
        ("effective_from = 2018-09-11", 'effective_from = "soon"', "effective_from"),
        ("[[stage]]", "[[stage", "not TOML"),
    ],
)
def test_a_wrong_catalogue_is_refused_and_the_place_is_named(old, new, says):
    with pytest.raises(RuleError, match=re.escape(says)):
        assembled(old, new)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('["101"]', '["191"]', "191"),
        ('["101"]', '["101"], ["101"]', "101"),
        ('["101"]', '["171"]', "171"),
        ('case_types = ["0301"]', 'case_types = ["0399"]', "0399"),
        ('case_types = ["0302"]', 'case_types = ["0301"]', "0301/main/1"),
        ('by_party = ["121"', 'by_party = ["191"', "191"),
        ("version = 1", "version = 0", "version"),
    ],
)
def test_a_wrong_order_is_refused_and_the_place_is_named(old, new, says):
    with pytest.raises(RuleError, match=re.escape(says)):
        assembled(orders=(old, new))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('letters = "ZG"', 'letters = "JL"', "JL"),
        ('text = "京"', 'text = "津"', "津"),
        ('digits = "0102"', 'digits = "01"', "吉01"),
        ('digits = "0102"', 'digits = "0100"', "00"),
        ('digits = "0102"', 'digits = "102"', "digits"),
        ('prefix = "吉"', 'prefix = "长"', "长"),
    ],
)
def test_a_wrong_table_of_courts_is_refused(old, new, says):
    text = packaged(courts.FILE)
    assert old in text
    with pytest.raises(RuleError, match=says):
        courts.assemble(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('code = "0102"', 'code = "0101"', "0101"),
        ('text = "民辖终"', 'text = "民辖"', "民辖"),
        ('code = "02"', 'code = "00"', "specialist"),
        ("valid_from = 2019-01-01", "valid_from = 2019", "valid_from"),
    ],
)
def test_a_wrong_table_of_case_types_is_refused(old, new, says):
    text = packaged(case_types.FILE)
    assert old in text
    with pytest.raises(RuleError, match=says):
        case_types.assemble(text.replace(old, new, 1))


def test_every_court_of_the_tables_survives_its_field_on_a_separator():
    tables = courts.load()
    for prefix, digits in [*tables.courts, *((text, "") for text in tables.prefixes)]:
        known = tables.prefixes[prefix]
        assert tables.decode(courts.encode(known, digits)) == (known, digits)


def test_the_type_numbers_that_were_read_in_the_standard_are_these():
    read = {"0201": "刑初", "0202": "刑终", "0301": "民初", "0302": "民终", "0308": "民撤"}
    read |= {"0401": "行初", "1002": "执"}
    assert {code: TYPES.text(code) for code in read} == read


def test_the_longest_type_and_the_longest_court_win():
    types = case_types.assemble(
        '[[type]]\ncode = "0101"\ntext = "初"\n[[type]]\ncode = "0102"\ntext = "民初"\n'
        '[[specialist]]\ncode = "01"\ntext = "民"\nname = "民"\nvalid_from = 2016-01-01\n'
    )
    split = types.split("民初")
    assert split is not None
    assert (split[0], split[1].code) == (None, "0102")
    tables = courts.assemble(
        'court = []\n[[prefix]]\ntext = "最"\nletters = "AA"\nname = "短"\n'
        '[[prefix]]\ntext = "最高法"\nletters = "BB"\nname = "长"\n'
    )
    prefix = tables.prefix_of("最高法民初1")
    assert prefix is not None
    assert prefix.letters == "BB"


def test_every_rule_file_is_toml_that_can_be_read():
    folder = Path(catalogue.__file__).with_name("rules")
    for file in folder.glob("*.toml"):
        assert tomllib.loads(file.read_text(encoding="utf-8"))
