"""The configuration refuses what it does not know and says what is wrong."""

import pytest

from daemon import config
from daemon.errors import ConfigError


def write(tmp_path, text):
    path = tmp_path / "suian.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_file_gives_the_defaults(tmp_path):
    loaded = config.load(write(tmp_path, ""))
    assert loaded.feeder.dpi == 300
    assert loaded.imaging.blank == "remove"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[feeder]\ndpo = 300\n", "feeder.dpo"),
        ("[door]\n", "door"),
        ("[feeder]\ndpi = 100\n", "feeder.dpi"),
        ("[feeder]\nlongest_mm = 296\n", "feeder.longest_mm"),
        ("[feeder]\nlongest_mm = 864\n", "feeder.longest_mm"),
        ('[feeder]\nmode = "lineart"\n', "feeder.mode"),
        ('[feeder]\ndevice = "emulator"\n', "needs feeder.paper"),
        ('[feeder]\npaper = "/x"\n', 'need feeder.device = "emulator"'),
        ('[stream]\nlisten = "0.0.0.0:7443"\n', "needs stream.credentials_dir"),
        ('[[consumer]]\nname = "a"\n[[consumer]]\nname = "a"\n', "two consumers"),
        ('[appliance]\nname = "../x"\n', "appliance.name"),
        ("[spool\n", "not a TOML file"),
    ],
)
def test_a_wrong_file_is_refused_and_the_key_named(tmp_path, text, named):
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, text))
    assert named in str(caught.value)


def test_a_missing_file_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        config.load(tmp_path / "none.toml")
