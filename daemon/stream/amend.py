"""Amend and CloseBatch: what a court decides about pages, turned into entries of the journal.

Rule 1: every decision names who, why and a request id; the caller's own name stands before the
person's, so that a certificate vouches for it.
Rule 2: what can happen to a page is not decided here but in `spool/standing.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import grpc

from daemon.config import Consumer
from daemon.dossier import case_number
from daemon.page import Fate, PageId, Position
from daemon.rpc import pages_pb2 as pb
from daemon.spool.journal import Amendment, Decision
from daemon.spool.ledger import Ledger
from daemon.spool.standing import Change
from daemon.stream.codec import FATES
from daemon.stream.refusals import Refused
from daemon.stream.secondary import is_secondary

LOCAL: Final = "local"
_LONGEST: Final = 200
_FATE_OF: Final = {number: fate for fate, number in FATES.items()}
Values = dict[str, object]


class Amendments:
    """Writes what was decided.

    Parameters
    ----------
    ledger
        The journal.
    clock
        Seconds since the Unix epoch.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock

    def write(self, request: pb.AmendRequest, consumer: Consumer | None) -> int:
        """Record what a request asks for; returns the sequence of its entry.

        Raises
        ------
        Refused
            If it is not complete, not served, or concerns what the caller may not read.
        InputError, NotPossible, ContractError, RuleError
            If there is no such page, this cannot happen to it, its request id was used for
            something else, or a case number is none.
        """
        decision = decision_of(request, consumer)
        page_id = _page_id(request.page_id)
        if consumer is not None and not consumer.secondary_volume:
            self._refuse_secondary(page_id)
        change, values = _said(request)
        amendment = Amendment(
            page_id=page_id,
            change=change,
            values=values,
            actor=decision.actor,
            request_id=decision.request_id,
            reason=decision.reason,
            recorded_at=self._clock(),
        )
        return self._ledger.record(amendment, self._position(page_id, change, values))

    def _refuse_secondary(self, page_id: PageId) -> None:
        if is_secondary(self._ledger, page_id):
            raise Refused(
                grpc.StatusCode.PERMISSION_DENIED,
                "this consumer may not touch the secondary volume",
                page_id=page_id,
            )

    def _position(self, page_id: PageId, change: Change, values: Values) -> Position | None:
        if change is not Change.REKEY:
            return None
        to = case_number.parse(str(values["to_case_number"]))
        now = self._ledger.face(page_id).position
        return replace(now, case_number=to.text, case_key=to.key)


def decision_of(
    request: pb.AmendRequest | pb.CloseBatchRequest, consumer: Consumer | None
) -> Decision:
    """Return who decided what a request says, and why; raises Refused when it does not say."""
    for name in ("request_id", "actor", "reason"):
        text = getattr(request, name).strip()
        if not text or len(text) > _LONGEST:
            raise Refused(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"a decision needs its {name}, of at most {_LONGEST} characters",
            )
    caller = LOCAL if consumer is None else consumer.name
    return Decision(f"{caller}/{request.actor}", request.reason, request.request_id)


def _page_id(text: str) -> PageId:
    try:
        return PageId.parse(text)
    except ValueError as error:
        raise Refused(
            grpc.StatusCode.INVALID_ARGUMENT, "the request names no page by its page id"
        ) from error


def _restore(_: pb.AmendRequest) -> Values:
    return {}


def _reject(request: pb.AmendRequest) -> Values:
    return {"defect": request.reject.defect}


def _rekey(request: pb.AmendRequest) -> Values:
    return {
        "from_case_number": request.rekey.from_case_number,
        "to_case_number": case_number.parse(request.rekey.to_case_number).text,
    }


def _resolve(request: pb.AmendRequest) -> Values:
    fate = _FATE_OF.get(request.resolve.fate)
    by = request.resolve.by_page_id
    if fate is None:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "the request says not what the face is")
    if by and fate is not Fate.SUPERSEDED:
        raise Refused(
            grpc.StatusCode.INVALID_ARGUMENT, "only a superseded face has a page in its place"
        )
    values: Values = {"fate": fate.value}
    if by:
        values["by_page_id"] = str(_page_id(by))
    return values


_SERVED: Final[Mapping[str, Callable[[pb.AmendRequest], Values]]] = {
    "restore": _restore,
    "reject": _reject,
    "rekey": _rekey,
    "resolve": _resolve,
}


def _said(request: pb.AmendRequest) -> tuple[Change, Values]:
    name = request.WhichOneof("change")
    if name is None:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "the request says no change")
    if name not in _SERVED:
        raise Refused(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{name} is in the contract but not served by this version",
        )
    return Change(name), _SERVED[name](request)
