"""Where an entry says that its page stands: the case and the volume, which are its folder.

Rule 1: what is printed text on the wire becomes a key by the same function as at the appliance.
Rule 2: what these rules do not know is refused: a page is never put where nobody looks for it.
"""

import functools

from daemon.dossier import case_number, catalogue
from daemon.errors import ContractError, RuleError
from daemon.rpc import pages_pb2 as pb

Place = tuple[str | None, str | None]
"""Case key and volume; None: the entry does not change it."""
_UNCHANGED: Place = (None, None)


def said(entry: pb.JournalEntry) -> Place:
    """Return what an entry says of the place of its page.

    Raises
    ------
    ContractError
        If it names a case or a material that this version does not know.
    """
    match entry.WhichOneof("entry"):
        case "page":
            return entry.page.case_key, entry.page.volume
        case "amendment":
            return _amended(entry.amendment)
        case _:
            return _UNCHANGED


def _amended(amendment: pb.Amendment) -> Place:
    match amendment.WhichOneof("change"):
        case "assign":
            assign = amendment.assign
            return _key(assign.case_number, amendment), _volume(assign.position, amendment)
        case "move":
            return None, _volume(amendment.move.position, amendment)
        case "rekey":
            return _key(amendment.rekey.to_case_number, amendment), None
        case _:
            return _UNCHANGED


def _key(text: str, amendment: pb.Amendment) -> str:
    if not text:
        return ""
    try:
        return case_number.parse(text).key
    except RuleError as error:
        raise ContractError(
            "the appliance put a page into a case whose number this version cannot read: update"
            " this side first",
            page_id=amendment.page_id,
        ) from error


def _volume(position: pb.Position, amendment: pb.Amendment) -> str:
    if not position.material:
        return ""
    try:
        return _rules().material(position.material).volume
    except RuleError as error:
        raise ContractError(
            "the appliance names a material that the rules of this version do not have: update"
            " this side first",
            page_id=amendment.page_id,
            material=position.material,
        ) from error


@functools.cache
def _rules() -> catalogue.RuleSet:
    return catalogue.load()
