import pytest

from daemon.errors import ConfigError
from daemon.feeder import models

MODELS = models.load()


def test_the_ids_of_the_series_are_known():
    assert MODELS.vendor_id == 0x04C5
    assert MODELS.products[0x132E] == "fi-7160"
    assert MODELS.products[0x15FF] == "fi-8170"
    assert MODELS.products[0x114F] == "fi-6130"
    assert len(MODELS.products) == 60


@pytest.mark.parametrize("product", ["fi-7160", "fi-7180", "fi-7260", "fi-7280", "iX100"])
def test_page_3d_is_never_asked_of_a_model_that_locks_up(product):
    quirks = MODELS.quirks(product)
    assert quirks.never_mode_sense == {0x3D}
    assert any("locks up" in origin for origin in quirks.origins)


def test_a_model_that_no_row_names_has_no_quirks():
    assert MODELS.quirks("fi-9999") == models.Quirks()


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


def test_a_row_never_shortens_what_the_scanner_says_itself():
    assert MODELS.quirks("fi-6130").longest(200, 200_000) == 200_000


@pytest.mark.parametrize("product", ["iX500", "fi-4990C", "M3091DCd"])
def test_models_that_need_another_driver_say_why(product):
    assert MODELS.quirks(product).refused


def test_every_quirk_says_where_it_was_learnt():
    assert all(all(row.origins) for _, row in MODELS.rows)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vendor_id = [",
        'vendor_id = 1\ninquiry_vendors = []\n[products]\n"xyz" = "a"\n',
        'vendor_id = 1\ninquiry_vendors = []\n[products]\n[[quirk]]\nmodels = ["a"]\n',
        'vendor_id=1\ninquiry_vendors=[]\n[products]\n[[quirk]]\nmodels=["a"]\norigin="b"\nodd=1\n',
    ],
    ids=["empty", "no TOML", "no number", "no origin", "unknown key"],
)
def test_a_damaged_table_is_a_config_error(text):
    with pytest.raises(ConfigError, match="damaged"):
        models.parse(text)
