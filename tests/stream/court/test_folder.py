import pytest

from daemon.errors import ContractError
from daemon.page import PageId, Role, Side
from daemon.stream.court.folder import file_name, segment

FACE = PageId("0123abcd", 1, 2, Side.FRONT)


@pytest.mark.parametrize(
    "name", ["(2018)吉01民初129号", "(2018)吉01民初129号之一", "main", "（2018）吉01民初129号"]
)
def test_case_numbers_are_folders(name):
    assert segment(name) == name


def test_no_case_is_the_folder_of_the_unassigned():
    assert segment("") == "unassigned"


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        ".suian.db",
        "../x",
        "a/b",
        "/etc",
        "a\\b",
        "a\0b",
        "a\nb",
        "\x1b[2J",
        "C:",
        " a",
        "a ",
        "号\u202egnp",
        "a\u200bb",
        "\ud800",
        "号" * 67,
        "journal",
    ],
)
def test_a_name_that_is_not_one_plain_segment_is_refused(name):
    with pytest.raises(ContractError, match="cannot be a folder"):
        segment(name)


def test_the_page_image_has_the_plain_name_and_the_others_say_what_they_are():
    assert file_name(FACE, Role.PAGE, "image/jpeg", alone=True) == "0123abcd-000001-0002-F.jpg"
    assert file_name(FACE, Role.EVIDENCE, "image/jpeg", alone=True).endswith("-F-evidence.jpg")
    assert file_name(FACE, Role.ORIGINAL, "application/pdf", alone=True).endswith("-F.pdf")
    assert file_name(FACE, Role.ORIGINAL, "image/jpeg", alone=False).endswith("-F-original.jpg")
    assert file_name(FACE, Role.PAGE, "../../x", alone=True).endswith("-F.bin")
