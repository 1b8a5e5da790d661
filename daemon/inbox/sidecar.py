"""The sidecar: the small TOML file that says where an electronic document belongs.

case = "(2026)吉01民初129号"
stage = "LA"
material = "111"
party = "Y01"       # optional: "000", none of the parties
instance = 1        # optional: which of several materials of this kind and party
"""

import tomllib

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemon.dossier import case_number
from daemon.dossier.catalogue import NO_PARTY, RuleSet
from daemon.errors import InputError
from daemon.page import Position


class Sidecar(BaseModel):
    """What a sidecar says; whether the rule set knows it is asked by `place`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    case: str
    stage: str
    material: str
    party: str = NO_PARTY
    instance: int = Field(1, ge=1, le=99)


def read(data: bytes) -> Sidecar:
    """Read the bytes of a sidecar; raises InputError that says what is wrong."""
    try:
        return Sidecar.model_validate(tomllib.loads(data.decode("utf-8")))
    except ValidationError as error:
        wrong = "; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors())
        raise InputError(f"the sidecar is wrong: {wrong}") from error
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep: also TOML
        raise InputError(f"the sidecar is not a TOML file in UTF-8: {error}") from error


def place(sidecar: Sidecar, rules: RuleSet) -> tuple[Position, tuple[str, ...]]:
    """Return where the document stands, and the warnings of its case number.

    Raises
    ------
    RuleError
        If it is no case number, or the rule set has no such stage, material or party.
    """
    case = case_number.parse(sidecar.case)
    material = rules.material(sidecar.material)
    rules.stage_name(sidecar.stage)
    rules.party(sidecar.party)
    position = Position(
        case_number=case.text,
        case_key=case.key,
        stage=sidecar.stage,
        volume=material.volume,
        material=material.code,
        party=sidecar.party,
        instance=sidecar.instance,
        page=1,
    )
    return position, case.warnings
