"""What must hold when a siege is over and everything is healed: sentences about what does not."""

from collections import Counter
from dataclasses import dataclass

from daemon.dossier import verifier
from daemon.feeder.hands import INTERRUPTED
from daemon.page import Fate
from daemon.spool.audit import audit
from daemon.spool.reader import MAX_SEQUENCE

_UNREAD = (Fate.SUPERSEDED, Fate.LOST)
_FACES_A_SHEET = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found; `failures` is empty when everything holds."""

    entries: int
    faces: dict[str, int]
    failures: tuple[str, ...]


def judge(hall, court, pages, *, laid_back, deaths):
    """Judge an appliance and a court whose processes have ended.

    Parameters
    ----------
    pages
        How many sheets bear a mark: 1, 2, 3 and so on.
    laid_back
        How many sheets had left the hopper unread, and were laid back.
    deaths
        How often the daemon ended on no wish of its own.
    """
    faces = hall.faces()
    entries = hall.accounts(lambda accounts: accounts.entries_after(0, MAX_SEQUENCE))
    failures = [
        *_order(court.marks(), pages),
        *_journals(entries, hall, court),
        *[f"{path}: these are not the bytes that were captured" for path in court.wrong_files()],
        *[f"the verifier: {problem}" for problem in verifier.verify(court.folder).problems],
        *[f"the audit: {problem}" for problem in audit(hall.spool, lambda _: None).problems],
        *_fates(faces, hall.sheets, laid_back, deaths),
    ]
    counts = Counter("open" if face.fate is None else face.fate.value for face in faces)
    return Verdict(len(entries), dict(sorted(counts.items())), tuple(failures))


def _order(marks, pages):
    expected = list(range(1, pages + 1))
    if marks == expected:
        return
    twice = sorted(number for number, count in Counter(marks).items() if count > 1 and number)
    missing = sorted(set(expected) - set(marks))
    yield f"the pages at the court are {marks}: missing {missing}, twice {twice}"


def _journals(entries, hall, court):
    """Hold the two journals against each other, and the cursors against their end."""
    ours = [(entry.sequence, entry.record_hash, entry.entry_hash) for entry in entries]
    theirs = court.rows("SELECT sequence, record_hash, entry_hash FROM entry ORDER BY sequence")
    if len(ours) != len(theirs):
        yield f"the journal has {len(ours)} entries, the court {len(theirs)}"
    for one, other in zip(ours, theirs, strict=False):
        if one != tuple(other):
            yield f"entry {one[0]} of the journal is another one at the court"
            break
    cursors = court.sequence(), hall.acknowledged()[0]
    if cursors != (len(ours), len(ours)):
        yield f"court and appliance are at {cursors} of {len(ours)} entries"


def _fates(faces, sheets, laid_back, deaths):
    """Every face has a fate; what was not read was named, and nothing else."""
    yield from (f"{face.page_id} has no fate" for face in faces if face.fate is None)
    unread = [face for face in faces if face.fate in _UNREAD]
    for face in unread:
        if face.reason != INTERRUPTED:
            yield f"{face.page_id} is {face.fate} for {face.reason!r}"
    read = len(faces) - len(unread)
    if read != _FACES_A_SHEET * sheets:
        yield f"{read} faces were read of {sheets} sheets"
    # One more may be named that never left the hopper: nobody saw that.
    if not _FACES_A_SHEET * laid_back <= len(unread) <= _FACES_A_SHEET * deaths:
        yield (
            f"{len(unread)} faces were named as not read; {laid_back} sheets were laid back,"
            f" the daemon ended {deaths} times"
        )
