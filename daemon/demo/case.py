"""The drawn case as data: which materials lie in the stack, in which order, on which leaves."""

from dataclasses import dataclass
from typing import Final

BLANK: Final = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One sheet of content: the names of its faces in `pages.FACES`; BLANK is nothing at all."""

    front: str
    back: str = BLANK
    paper: str = "white"
    holes: bool = False


@dataclass(frozen=True, slots=True)
class Material:
    """What stands behind one material separator."""

    stage: str
    code: str
    party: str
    leaves: tuple[Leaf, ...]


CASE: Final = (
    Material(
        "LA",
        "111",
        "Y01",
        (Leaf("claim_first", "claim"), Leaf("claim", "claim"), Leaf("claim_last")),
    ),
    Material("LA", "121", "Y01", (Leaf("id_card"),)),
    Material("LA", "122", "Y01", (Leaf("authority", "signed"),)),
    Material("LA", "123", "Y01", (Leaf("address_form"),)),
    Material(
        "LA",
        "131",
        "Y01",
        (
            Leaf("contract", "contract", "cream"),
            Leaf("contract", "contract_last", "cream"),
            Leaf("delivery"),
            Leaf("delivery", "pencilled", "recycled"),
            Leaf("statement", "statement"),
            Leaf("statement", holes=True),
            Leaf("vertical", paper="recycled"),
            Leaf("photos"),
            Leaf("slips"),
        ),
    ),
    Material(
        "TQ",
        "125",
        "B01",
        (Leaf("defence", "defence"), Leaf("defence", "defence_last")),
    ),
    Material("TQ", "121", "B01", (Leaf("id_card", holes=True),)),
    Material(
        "TQ",
        "132",
        "B01",
        (
            Leaf("handwritten", "handwritten_last"),
            Leaf("handwritten", paper="recycled"),
            Leaf("delivery", "signed"),
            Leaf("photos", holes=True),
            Leaf("contract", "sealed", "cream"),
            Leaf("statement"),
        ),
    ),
    Material("TQ", "141", "B01", (Leaf("service_form"), Leaf("service_form", "signed"))),
)
"""One civil case in two stages, two parties, nine materials: 26 leaves and 10 separators."""

GROWING: Final = (("LA", "131"), ("TQ", "132"))
"""Where a stack larger than the case gets more evidence, in turns."""
SPARE: Final = (
    Leaf("contract", "contract"),
    Leaf("delivery"),
    Leaf("statement", "statement"),
    Leaf("photos"),
    Leaf("handwritten", "signed"),
    Leaf("vertical", paper="recycled"),
    Leaf("slips"),
    Leaf("claim", "claim", "cream"),
)
"""The evidence that is added, over and over."""
