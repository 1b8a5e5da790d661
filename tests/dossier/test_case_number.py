import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.dossier import case_types, courts
from daemon.dossier.case_number import UNKNOWN_COURT, from_fields, parse
from daemon.errors import RuleError

NUMBER = "(2018)吉01民初129号"
KEY = "JL0100-00-2018-0301-00000129"


def test_a_number_is_taken_apart():
    number = parse(NUMBER)
    assert (number.text, number.key, number.legacy) == (NUMBER, KEY, False)
    assert (number.year, number.court, number.specialist) == (2018, "JL0100", "00")
    assert (number.type, number.sequence, number.warnings) == ("0301", 129, ())


@pytest.mark.parametrize(
    "written",
    [
        "（2018）吉01民初129号",
        "（2018)吉01民初129号",
        "〔2018〕吉01民初129号",
        "（２０１８）吉０１民初１２９号",
        " (2018) 吉01 民初 129 号　",
    ],
)
def test_ways_of_writing_one_number_have_one_key(written):
    number = parse(written)
    assert (number.text, number.key) == (NUMBER, KEY)


@pytest.mark.parametrize(
    ("written", "court", "specialist", "kind"),
    [
        ("(2019)吉01知民初1号", "JL0100", "01", "0301"),
        ("(2019)吉01民初1号", "JL0100", "00", "0301"),
        ("(2019)最高法知民终2号", "ZG0000", "01", "0302"),
        ("(2018)吉民终2号", "JL0000", "00", "0302"),
        ("(2018)吉0192民初2号", "JL0192", "00", "0301"),
        ("(2018)军刑初2号", "JU0000", "00", "0201"),
        ("(2018)吉01刑医复5号", "JL0100", "00", "0211"),
        ("(2018)吉01刑医5号", "JL0100", "00", "0210"),
        ("(2018)吉01民辖终5号", "JL0100", "00", "0102"),
        ("(2018)吉01民终5号", "JL0100", "00", "0302"),
        ("(2018)吉01破终5号", "JL0100", "00", "1106"),
        ("(2018)吉01执12345678号", "JL0100", "00", "1002"),
    ],
)
def test_court_specialist_and_the_longest_type_are_found(written, court, specialist, kind):
    number = parse(written)
    assert (number.court, number.specialist, number.type) == (court, specialist, kind)
    assert number.warnings == ()


@pytest.mark.parametrize(
    "written",
    [
        "[2018]吉01民初129号",
        "［2018］吉01民初129号",
        "【2018】吉01民初129号",
        "(2018〕吉01民初129号",
        "(2018)吉01民初129号之一",
        "(2018)吉01民初129-1号",
        "(2018)吉01民初0号",
        "(2018)吉01民初0129号",
        "(2018)吉01民初123456789号",
        "(2018)吉01民初12 9号",
        "(2018)吉01民初①号",
        "(2018)吉01民初12²号",
        "(2018)吉01民初٣号",
        "(2018)吉01民初129号\n",
        "\ufeff(2018)吉01民初129号",
        "(2018)吉01民初129号\u200b",
        "(2018)吉01民初1\u00a029号",
        "(2018)吉01民初129\u2002号",
        "(2018)吉01民初129\u2000号",
        "\u1680(2018)吉01民初129号",
        "(2018)吉01民初1\u030129号",
        "(2018)长01民初129号",
        "(2018)吉1民初129号",
        "(2018)吉0100民初129号",
        "(2018)吉00民初129号",
        "(2018)吉01民出129号",
        "(2018)吉01知民初1号",
        "(2018)吉01环知民初1号",
        "(2016)长民三初字第129号",
        "(2015)吉01民初129号",
        "(2015)吉01民初0号",
        "(2015)吉号",
        "(2015)长民三初字第号",
        "(2015)长民三初字第129之一号",
        "(1948)长民初字第1号",
        "(218)吉01民初129号",
        "(2100)吉01民初129号",
        "2018吉01民初129号",
        "(2018)吉01民初129",
        "(2018)号",
        "",
        "(2018)吉01民初" + "1" * 90 + "号",
    ],
)
def test_what_is_no_number_or_could_be_two_is_refused(written):
    with pytest.raises(RuleError):
        parse(written)


def test_a_refusal_names_the_character_and_never_the_number():
    with pytest.raises(RuleError) as caught:
        parse("(2018)吉01民初129\u200b号")
    assert "U+200B" in str(caught.value)
    assert "129" not in str(caught.value)


def test_a_later_year_than_the_clock_says_is_refused():
    assert parse("(2026)吉01民初1号", latest_year=2026).year == 2026
    with pytest.raises(RuleError):
        parse("(2027)吉01民初1号", latest_year=2026)


def test_unknown_digits_after_a_known_court_are_accepted_with_a_warning():
    assert parse("(2018)吉0199民初1号").warnings == (UNKNOWN_COURT,)


def test_a_court_is_known_from_the_year_in_which_it_came_under_that_number():
    assert parse("(2019)吉0184民初1号").warnings == (UNKNOWN_COURT,)
    assert parse("(2020)吉0184民初1号").warnings == ()


def test_a_legacy_number_is_kept_verbatim_and_compared_by_its_plain_form():
    number = parse("〔2015〕长民三初字第１２９号")
    assert number.text == "〔2015〕长民三初字第１２９号"
    assert (number.legacy, number.year, number.court, number.sequence) == (True, 2015, "", 0)
    assert number.key == parse(" (2015)长民三初字第129号").key
    assert number.key != parse("(2015)长民三初字第128号").key
    assert number.key.startswith("legacy-")
    assert len(number.key) == len("legacy-") + 12


def test_a_legacy_number_of_the_high_court_is_not_taken_for_a_new_one():
    assert parse("(2015)吉民三终字第9号").legacy


def test_what_a_separator_carries_gives_the_number_that_was_printed():
    assert from_fields("JL0100", "00", "2018", "0301", "00000129") == parse(NUMBER)
    assert from_fields("ZG0000", "01", "2019", "0302", "2").text == "(2019)最高法知民终2号"
    assert from_fields("JL0100", "00", "2026", "9001", "00000033").text == "(2026)吉01旧存33号"


@pytest.mark.parametrize(
    "fields",
    [
        ("QQ0100", "00", "2018", "0301", "00000129"),
        ("JL01", "00", "2018", "0301", "00000129"),
        ("JLAB00", "00", "2018", "0301", "00000129"),
        ("JL0100", "09", "2018", "0301", "00000129"),
        ("JL0100", "01", "2018", "0301", "00000129"),
        ("JL0100", "00", "2015", "0301", "00000129"),
        ("JL0100", "00", "2018", "0399", "00000129"),
        ("JL0100", "00", "2018", "0301", "00000000"),
        ("JL0100", "00", "2018", "0301", "000000129"),
        ("JL0100", "00", "２０１８", "0301", "00000129"),
    ],
)
def test_fields_that_no_case_has_are_refused(fields):
    with pytest.raises(RuleError):
        from_fields(*fields)


TYPES = case_types.load()
COURTS = courts.load()
DIGITS = st.one_of(
    st.just(""),
    st.integers(1, 99).map(lambda n: f"{n:02d}"),
    st.integers(1, 9999).filter(lambda n: n % 100).map(lambda n: f"{n:04d}"),
)


@given(
    year=st.integers(2019, 2099),
    prefix=st.sampled_from(sorted(COURTS.prefixes)),
    digits=DIGITS,
    specialist=st.sampled_from(["", *(s.text for s in TYPES.specialists.values())]),
    kind=st.sampled_from(sorted(TYPES.types)),
    sequence=st.integers(1, 99_999_999),
)
def test_every_number_goes_through_a_separator_and_back(
    year, prefix, digits, specialist, kind, sequence
):
    text = f"({year}){prefix}{digits}{specialist}{TYPES.text(kind)}{sequence}号"
    number = parse(text)
    fields = number.key.split("-")
    assert number.text == text
    assert from_fields(*fields) == number
    assert (number.type, number.sequence) == (kind, sequence)


@given(st.text(alphabet="(（〔)）〕[]2018９吉长民初终字第号之一 129①\u200b\n", max_size=20))
def test_any_text_is_a_number_or_a_rule_error(text):
    try:
        number = parse(text)
    except RuleError:
        return
    assert number.key.isascii()
    assert "/" not in number.key
