import pytest

from daemon.errors import ConfigError
from daemon.feeder import arming, models
from daemon.feeder.fi.abilities import parse_abilities
from daemon.feeder.settings import Mode, Settings
from tests.feeder.wire import page_f0

MODELS = models.load()


def test_the_ids_of_the_series_are_known():
    assert MODELS.vendor_id == 0x04C5
    assert MODELS.products[0x132E] == "fi-7160"
    assert MODELS.products[0x15FF] == "fi-8170"
    assert MODELS.products[0x114F] == "fi-6130"
    assert MODELS.products[0x1632] == "iX1600"
    assert len(MODELS.products) == 76


@pytest.mark.parametrize("product", ["fi-7160", "fi-7180", "fi-7260", "fi-7280", "iX100", "iX500"])
def test_page_3d_is_never_asked_of_a_model_that_locks_up(product):
    quirks = MODELS.quirks(product)
    assert quirks.never_mode_sense == {0x3D}
    assert any("locks up" in origin for origin in quirks.origins)


def test_a_model_that_no_row_names_has_no_quirks():
    assert MODELS.quirks("fi-9999") == models.Quirks()


@pytest.mark.parametrize(
    ("product", "known"),
    [
        ("fi-7160", True),
        ("fi-6130dj", True),
        ("fi-4120C", True),
        ("fi-5220C2", True),
        ("fi-6140Z", True),
        ("fi-9999", False),
        ("fi-7199", False),
        ("", False),
    ],
)
def test_a_model_is_known_where_an_id_stands_for_it_whatever_letters_it_adds(product, known):
    assert MODELS.knows(product) is known


@pytest.mark.parametrize("product", ["fi-4340C", "fi-4750C", "fi-4860C", "M3097DG"])
def test_models_without_a_serial_number_are_not_asked(product):
    assert MODELS.quirks(product).no_serial
    assert not MODELS.quirks("fi-6130").no_serial


def test_the_longest_window_depends_on_resolution():
    longest = MODELS.quirks("fi-7160").longest
    assert [longest(dpi, 16800) for dpi in (200, 240, 300, 400, 600)] == [
        266268,
        260268,
        260268,
        194268,
        16800,
    ]
    assert MODELS.quirks("fi-6130").longest(200, 16800) == 151512
    assert MODELS.quirks("fi-6130").longest(300, 16800) == 16800
    assert MODELS.quirks("fi-7600").longest(400, 16800) == 192000


def test_a_row_never_shortens_what_the_scanner_says_itself():
    assert MODELS.quirks("fi-6130").longest(200, 200_000) == 200_000


@pytest.mark.parametrize("product", ["iX500", "M3091DCd", "M3092DCd"])
def test_models_that_need_another_driver_say_why(product):
    assert MODELS.quirks(product).refused


def test_a_model_that_sends_one_side_after_the_other_is_driven_so():
    quirks = MODELS.quirks("fi-4990C")
    assert quirks.sides_in_turn
    assert not quirks.refused
    assert not MODELS.quirks("fi-7160").sides_in_turn


@pytest.mark.parametrize("product", ["fi-4860C", "fi-4990C"])
def test_windows_of_some_models_have_a_width_of_whole_words(product):
    multiple = MODELS.quirks(product).width_multiple
    assert [multiple(mode) for mode in (Mode.LINE_ART, Mode.GRAY, Mode.COLOUR)] == [32, 4, 4]
    assert MODELS.quirks("fi-7160").width_multiple(Mode.LINE_ART) == 1


@pytest.mark.parametrize(
    ("mode", "width_px"), [(Mode.LINE_ART, 1632), (Mode.GRAY, 1652), (Mode.COLOUR, 1652)]
)
def test_a_window_is_as_wide_as_the_model_can_have_it(mode, width_px):
    settings, able = (
        Settings(dpi=200, mode=mode),
        parse_abilities(page_f0(x09=0x11, x1c=0x8A, x20=0x90)),
    )
    narrow = arming.window_of(settings, able, MODELS.quirks("fi-4990C"))
    assert narrow.width_px == width_px
    wide = arming.window_of(settings, able, MODELS.quirks("fi-7160"))
    assert wide.width_px - narrow.width_px in range(32)
    assert wide.width_px in {1648, 1653}


def test_how_long_a_part_lasts_is_known_of_some_models_only():
    assert MODELS.quirks("fi-7160").consumable_sheets == {"pick_roller": 200_000, "brake": 200_000}
    assert MODELS.quirks("fi-8170").consumable_sheets == {}


def test_every_quirk_says_where_it_was_learnt():
    assert all(all(row.origins) for _, row in MODELS.rows)


def test_rows_that_name_the_same_model_add_up():
    quirks = MODELS.quirks("fi-4860C2")
    assert quirks.no_serial
    assert quirks.width_multiple_px
    assert len(quirks.origins) == 2


# -- a damaged table -------------------------------------------------------------------------

HEAD = 'vendor_id = 1\ninquiry_vendors = ["A"]\n[products]\n1041 = "a"\n'
ROW = HEAD + '[[quirk]]\nmodels = ["a"]\norigin = "b"\n'


def test_a_table_of_a_few_lines_is_one():
    assert models.parse(HEAD).rows == ()
    assert models.parse(ROW).quirks("a").origins == ("b",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "inquiry_vendors is missing"),
        ("vendor_id = [", "damaged"),
        (HEAD.replace("1041", "xyz"), "products: expected four hexadecimal digits, got 'xyz'"),
        (HEAD.replace('"a"', "5"), "products: expected a text, got 5"),
        (HEAD.replace("vendor_id = 1\n", "vendor_id = true\n"), "vendor_id: expected a whole"),
        (HEAD.replace("vendor_id = 1\n", "vendor_id = 65536\n"), "from 1 to 65535, got 65536"),
        (HEAD.replace('["A"]', '"A"'), "inquiry_vendors: expected a list"),
        ("odd = 1\n" + HEAD, "unknown key odd"),
        ("quirk = 3\n" + HEAD, "quirk: expected rows"),
        ("quirk = [3]\n" + HEAD, "quirk: row 1: expected a table"),
        (ROW.replace('origin = "b"\n', ""), "quirk: row 1: origin is missing"),
        (ROW.replace('origin = "b"', 'origin = " "'), "row 1: origin: expected a text"),
        (ROW.replace('models = ["a"]\n', ""), "row 1: models is missing"),
        (ROW.replace('models = ["a"]', "models = []"), "row 1: models: expected a list that is"),
        (ROW + "odd = 1\n", "row 1: unknown key odd"),
        (ROW + "never_mode_sense = [0x40]\n", "never_mode_sense: expected a whole number from 0"),
        (ROW + "never_mode_sense = 0x3d\n", "never_mode_sense: expected a list"),
        (ROW + 'no_serial = "yes"\n', "no_serial: expected true or false, got 'yes'"),
        (ROW + "no_serial = 1\n", "no_serial: expected true or false, got 1"),
        (ROW + "sides_in_turn = 0\n", "sides_in_turn: expected true or false"),
        (ROW + "longest_units = { 3 = 5 }\n", "longest_units: expected a resolution, got '3'"),
        (ROW + "longest_units = { 300 = 1.5 }\n", "longest_units: expected a whole number"),
        (ROW + "longest_units = {}\n", "longest_units: expected a table that is not empty"),
        (ROW + "longest_units = 300\n", "longest_units: expected a table"),
        (ROW + "width_multiple_px = { grey = 4 }\n", "width_multiple_px: 'grey' is not a valid"),
        (ROW + "width_multiple_px = { gray = 0 }\n", "width_multiple_px: expected a whole number"),
        (ROW + "consumable_sheets = { lamp = 4 }\n", "consumable_sheets: expected one of pick_r"),
        (ROW + 'refused = ""\n', "refused: expected a text"),
    ],
)
def test_a_damaged_table_is_a_config_error_that_names_the_place(text, says):
    with pytest.raises(ConfigError, match="the table of scanner models is damaged") as caught:
        models.parse(text)
    assert says in str(caught.value)
