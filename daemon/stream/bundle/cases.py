"""The cases that entries speak of: whose manifests go into a bundle.

Rule 1: rather one case too many: the court keeps a manifest only if it is due there.
"""

from daemon.dossier import case_number
from daemon.errors import RuleError
from daemon.page import PageId
from daemon.rpc import pages_pb2 as pb
from daemon.spool.accounts import Accounts


class Cases:
    """Collects cases from entries as they pass.

    Parameters
    ----------
    accounts
        Where pages stand now.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._keys: set[str] = set()
        self._amended: set[str] = set()

    def see(self, entry: pb.Entry) -> None:
        """Take an entry; one without content speaks of no case."""
        record = pb.JournalEntry.FromString(entry.record)
        self._keys.add(record.page.case_key)
        if record.WhichOneof("entry") == "amendment":
            self._amended.add(record.amendment.page_id)

    def keys(self) -> list[str]:
        """Return the keys of the cases, in order."""
        keys = set(self._keys)
        for page_id in self._amended:
            keys |= self._history(PageId.parse(page_id))
        return sorted(keys - {""})

    def _history(self, page_id: PageId) -> set[str]:
        """Return every case in which a page ever stood: a case that lost one changed too."""
        face = self._accounts.face(page_id)
        (entry,) = self._accounts.entries_after(face.sequence - 1, 1)
        keys = {
            face.position.case_key,
            pb.JournalEntry.FromString(entry.record).page.case_key,
        }
        for amended in face.changes:
            for name in ("case_number", "from_case_number", "to_case_number"):
                keys.add(_key(str(amended.values.get(name, ""))))
        return keys


def _key(printed: str) -> str:
    try:
        return case_number.parse(printed).key
    except RuleError:
        return ""
