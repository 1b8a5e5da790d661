"""The one word for what is worst about a capture: which limit is exceeded furthest."""

from collections.abc import Mapping
from typing import Any, Final

UNUSUAL_SIZE: Final = "unusual_size"
_SOFT_UM: Final = 350.0
_SOFT_PX: Final = 3.5
_DARK_PAPER: Final = 120
_LOW_CONTRAST: Final = 60
_CAST: Final = 60
_CLIPPED_DARK: Final = 150.0
_CLIPPED_LIGHT: Final = 700.0
_CORNER_MM: Final = 10.0
_SKEWED_DEG: Final = 0.5
_SHOW_THROUGH: Final = 60


def worst(parts: Mapping[str, Any]) -> str:
    """Return the word of what goes furthest beyond its limit, the first of equals; else "good".

    `parts` are the fields of a `Quality` by their names.
    """
    soft_um = max(_SOFT_UM, _SOFT_PX * 25_400 / parts["dpi"])
    contrast = parts["contrast"]
    cast = max(abs(parts["cast_yellow"] or 0), abs(parts["cast_red"] or 0))
    beyond = {
        "wrong_dpi": 10.0 if parts["likely_dpi"] else 0.0,
        "streaks": 2.0 * len(parts["streaks_mm"]),
        "out_of_focus": (parts["edge_rise_um"] or 0.0) / soft_um,
        "dark_paper": _DARK_PAPER / max(parts["paper"], 1),
        "low_contrast": 0.0 if contrast is None else _LOW_CONTRAST / max(contrast, 1),
        "cut_corner": max(parts["corners_mm"]) / _CORNER_MM,
        "clipped_dark": parts["clipped_dark_permille"] / _CLIPPED_DARK,
        "clipped_light": parts["clipped_light_permille"] / _CLIPPED_LIGHT,
        "colour_cast": cast / _CAST,
        "skewed": (parts["left_skew_deg"] or 0.0) / _SKEWED_DEG,
        "show_through": (parts["show_through"] or 0) / _SHOW_THROUGH,
        UNUSUAL_SIZE: 1.001 if parts["size"] == UNUSUAL_SIZE else 0.0,
    }
    word = max(beyond, key=lambda word: beyond[word])
    return word if beyond[word] > 1.0 else "good"
