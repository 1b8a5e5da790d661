"""Verifies a pulled folder: every file, every manifest, and the journal they come from.

    python3 verifier.py DIR [--json]       status 0: all is well, 8: it is not, 2: not such a folder

    DIR/.suian.db                          the journal as it was pulled, SQLite; may be absent
    DIR/<case key>/manifest.json           see `_chain`
    DIR/<case key>/<volume>/<file>         the bytes

Runs alone: standard library only (Python 3.10 or later), so that it can be copied anywhere and read
in one sitting. It states again what the appliance promises and shares no line of its code.

Rule 1: nothing is written and nothing outside DIR is read; names are compared, never opened.
Rule 2: whatever differs is named: the file, the page or the entry, and what is wrong with it.
Rule 3: a manifest alone proves that nothing was lost or changed since it was written; the journal
proves that it was written rightly. `end` stands for a whole manifest: compare it with paper.
"""

import argparse
import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

DATABASE: Final = ".suian.db"
MANIFEST: Final = "manifest.json"
FORMAT: Final = "suian.manifest/1"
FAILED: Final = 8
NOT_ONE: Final = 2
_OWN: Final = ".suian."


class NotAPulledFolder(ValueError):
    """There is neither a journal nor a manifest in it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One difference: a fixed word, the file, page or entry it was found at, and what it is.

    Words: altered, missing, added, renamed, swapped, not_a_file, unreadable, damaged_at_appliance,
    not_pulled, withheld; manifest_unreadable, manifest_form, manifest_missing, manifest_outdated,
    wrong_folder, chain_broken, wrong_order, count_differs; journal_broken, journal_differs.
    """

    kind: str
    name: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {_printable(self.name)}: {_printable(self.detail)}"


@dataclass(slots=True)
class Findings:
    """What was looked at, and what is wrong.

    `entries` is None without a journal; `ends` has the end of each case's chain by case key.
    """

    pages: int = 0
    files: int = 0
    entries: int | None = None
    ends: dict[str, str] = field(default_factory=dict)
    found: list[Problem] = field(default_factory=list)

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem as a line."""
        return tuple(str(problem) for problem in self.found)

    def add(self, kind: str, name: str, detail: str) -> None:
        """Note a problem."""
        self.found.append(Problem(kind, name, detail))


def verify(folder: Path) -> Findings:
    """Verify a pulled folder; raises NotAPulledFolder if it is none, or cannot be read."""
    out = Findings()
    try:
        files = dict(_walk(folder, out))
    except OSError as error:
        raise NotAPulledFolder(f"it cannot be read: {error.strerror}") from error
    manifests = [n for n in files if n.count("/") == 1 and n.endswith(f"/{MANIFEST}")]
    has_journal = (folder / DATABASE).is_file()
    if not manifests and not has_journal:
        raise NotAPulledFolder("there is no journal and no manifest in this folder")
    read = {name.split("/")[0]: _read(name, files.pop(name), out) for name in manifests}
    cases = [case for case in read.values() if case is not None]
    unread = {name for name, case in read.items() if case is None}
    journal = _journal(folder / DATABASE, out) if has_journal else None
    for case in cases:
        _chain(case, out)
        _counts(case, out)
    if journal is not None:
        _against_journal(cases, unread, journal, out)
    _files(files, list(_expected(cases, journal, out)), unread, out)
    out.ends = {case.key: case.end for case in cases}
    out.pages = sum(len(case.pages) for case in cases)
    return out


def _walk(folder: Path, out: Findings) -> Iterator[tuple[str, Path]]:
    """Yield every plain file by its name relative to the folder, with `/` between segments."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(_OWN) or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_file() and not path.is_symlink():
            yield name, path
        else:
            out.add("not_a_file", name, "a link or a device: nothing was read")


_SHAPE: Final[Mapping[str, type]] = {
    **dict.fromkeys(("page_id", "record_sha256", "fate", "row_hash"), str),
    **dict.fromkeys(("volume", "stage", "material", "party"), str),
    **dict.fromkeys(("sequence", "instance", "page"), int),
    **dict.fromkeys(("blobs", "changes"), list),
}


@dataclass(frozen=True, slots=True)
class _Case:
    """One manifest; `folder` is where it lies, `key` whose it says it is."""

    folder: str
    head: Mapping[str, Any]
    pages: Sequence[Mapping[str, Any]]
    others: Sequence[Mapping[str, Any]]
    end: str

    def __post_init__(self) -> None:
        _typed(self.head, {"case_key": str, "epoch": str, "counts": dict, "faces": int})
        _typed(self.head["journal"], {"sequence": int, "entry_hash": str})
        for row in self.rows:
            _typed(row, _SHAPE)
            for blob in row["blobs"]:
                _typed(blob, {"role": str, "file": str, "sha256": str, "damaged": bool})
            for change in row["changes"]:
                _typed(change, {"sequence": int})

    @property
    def key(self) -> str:
        return str(self.head["case_key"])

    @property
    def name(self) -> str:
        return f"{self.folder}/{MANIFEST}"

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        return [*self.pages, *self.others]


def _typed(tree: Mapping[str, Any], shape: Mapping[str, type]) -> None:
    for name, kind in shape.items():
        if type(tree[name]) is not kind:
            raise TypeError(f"{name} is not {kind.__name__}")


def _canonical(tree: Any) -> bytes:
    text = json.dumps(
        tree, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return text.encode("utf-8")


def _read(name: str, path: Path, out: Findings) -> _Case | None:
    """Parse a manifest; None, and a problem, when it is none."""
    try:
        data = path.read_bytes()
        tree = json.loads(data)
        _typed(tree, {"format": str, "end": str, "pages": list, "others": list, "head": dict})
        case = _Case(path.parent.name, tree["head"], tree["pages"], tree["others"], tree["end"])
        same = tree["format"] == FORMAT and _canonical(tree) == data
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        out.add("manifest_unreadable", name, f"truncated, or not a manifest: {error}")
        return None
    if not same:
        out.add("manifest_form", name, "its bytes are not those that were written")
    if case.key != case.folder:
        out.add("wrong_folder", name, "it is the manifest of another case")
    return case


def _chain(case: _Case, out: Findings) -> None:
    """Follow the chain of a manifest.

    row hash = SHA-256(previous row hash || SHA-256(canonical JSON of the row without its row_hash))

    over `pages` and then `others`; the previous of the first is SHA-256(canonical JSON of `head`).
    Every row is held against the hash its predecessor states, so a change is named where it is.
    """
    link = hashlib.sha256(_canonical(case.head)).hexdigest()
    for row in case.rows:
        content = _canonical({name: row[name] for name in row if name != "row_hash"})
        pair = _bytes(link) + hashlib.sha256(content).digest()
        link = row["row_hash"]
        if link != hashlib.sha256(pair).hexdigest():
            out.add("chain_broken", row["page_id"], "its row was changed, or the one before it")
    if case.end != link:
        out.add("chain_broken", case.name, "the last row, or the head, is not the one written")


def _bytes(hexadecimal: str) -> bytes:
    try:
        return bytes.fromhex(hexadecimal)
    except ValueError:
        return b""


def _counts(case: _Case, out: Findings) -> None:
    """Hold the counts in the head and the archival page numbers against the rows."""
    fates = [row["fate"] for row in case.rows]
    counts = case.head["counts"]
    if any(fates.count(fate) != counts.get(fate, 0) for fate in {*fates, *counts}):
        out.add("count_differs", case.name, "faces by fate are not those of the rows")
    if case.head["faces"] != len(fates):
        out.add("count_differs", case.name, f"{len(fates)} faces, not {case.head['faces']}")
    last: dict[str, Any] = {}
    for row in case.pages:
        number, volume = row.get("number"), row["volume"]
        if number is not None and number != last.get(volume, 0) + 1:
            out.add("wrong_order", row["page_id"], f"page {number} after {last.get(volume, 0)}")
        last[volume] = number if isinstance(number, int) else 0


class _Entry(NamedTuple):
    """One entry; without a page id it was withheld: it concerns a volume we may not read."""

    page_id: str
    record_sha256: str
    entry_hash: str
    says: Mapping[str, Any]
    moves: bool


class _Journal(NamedTuple):
    """The entries from 1, and the files (page id, role, hash, path) that came with them."""

    epoch: str
    entries: Sequence[_Entry]
    files: Sequence[tuple[str, str, str, str | None]]

    def at(self, sequence: int) -> _Entry | None:
        return self.entries[sequence - 1] if 1 <= sequence <= len(self.entries) else None


def _journal(path: Path, out: Findings) -> _Journal | None:
    """Read the journal and follow its chain; None, and a problem, when it cannot be read."""
    # Without a log beside it the database is at rest: immutable leaves no file behind.
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as db:
            cursor = db.execute("SELECT epoch, sequence, lower(hex(entry_hash)) FROM cursor")
            epoch, last, end = cursor.fetchone()
            rows = db.execute("SELECT * FROM entry ORDER BY sequence")
            entries = list(_follow(epoch, rows, out))
            files = db.execute("SELECT page_id, role, lower(hex(sha256)), path FROM file")
            journal = _Journal(epoch, entries, files.fetchall())
    except (sqlite3.Error, TypeError, ValueError, AttributeError) as error:
        out.add("journal_broken", DATABASE, f"it cannot be read: {error}")
        return None
    out.entries = len(entries)
    if len(entries) != last or (entries and entries[-1].entry_hash != end):
        out.add("journal_broken", DATABASE, f"it ends at {len(entries)}, not at {last}")
    return journal


def _follow(epoch: str, rows: Iterable[Any], out: Findings) -> Iterator[_Entry]:
    """Follow entry_hash = SHA-256(previous || SHA-256(record)) from SHA-256 of the epoch's text."""
    link = hashlib.sha256(epoch.encode()).digest()
    for expected, row in enumerate(rows, 1):
        sequence, kind, page_id, record, record_sha256, entry_hash = row
        name = f"entry {sequence}"
        if sequence != expected:
            raise ValueError(f"entry {expected} is missing")
        if record is not None and hashlib.sha256(record).digest() != record_sha256:
            out.add("journal_broken", name, "its record was altered")
        if hashlib.sha256(link + record_sha256).digest() != entry_hash:
            out.add("journal_broken", name, "it does not continue the chain")
        link = entry_hash
        says, moves = _said(kind, record, name, out)
        yield _Entry(page_id, record_sha256.hex(), entry_hash.hex(), says, moves)


def _against_journal(
    cases: Sequence[_Case], unread: set[str], journal: _Journal, out: Findings
) -> None:
    """Hold the manifests and the journal against each other, entry by entry."""
    listed: dict[int, str] = {}
    for case in cases:
        at = journal.at(case.head["journal"]["sequence"])
        if case.head["epoch"] != journal.epoch:
            out.add("journal_differs", case.name, "it was written from another journal")
        elif at is not None and at.entry_hash != case.head["journal"]["entry_hash"]:
            out.add("journal_differs", case.name, "it states another hash of its newest entry")
        for row in case.rows:
            listed[row["sequence"]] = case.key
            _row_in_journal(row, journal, out)
    until = {case.key: case.head["journal"]["sequence"] for case in cases}
    moved = {entry.page_id for entry in journal.entries if entry.moves}
    passed = {"", *unread}
    for sequence, entry in enumerate(journal.entries, 1):
        key = entry.says.get("case_key", "")
        if key in passed or entry.page_id in moved or listed.get(sequence) == key:
            continue
        if key not in until:
            out.add("manifest_missing", key, "the journal has faces of this case")
            passed.add(key)
        elif sequence > until[key]:
            out.add("manifest_outdated", entry.page_id, "captured after it: pull again")
        else:
            out.add("journal_differs", entry.page_id, f"entry {sequence} is not in the manifest")


def _row_in_journal(row: Mapping[str, Any], journal: _Journal, out: Findings) -> None:
    """Hold one row against its entry: the same face, the same record, the same place."""
    name, sequence = row["page_id"], row["sequence"]
    entry = journal.at(sequence)
    found = (entry.page_id or name, entry.record_sha256) if entry else None
    if entry is None or found != (name, row["record_sha256"]):
        kind = "journal_differs" if entry else "not_pulled"
        out.add(kind, name, f"entry {sequence} of the journal here is another one, or not there")
        return
    changes = [journal.at(change["sequence"]) for change in row["changes"]]
    if any(change is not None and change.page_id != name for change in changes):
        out.add("journal_differs", name, "it lists a change of another face")
    if any(change is None or change.moves for change in changes):
        return  # where it stands now is not what its record says
    for word, value in entry.says.items():
        if word in row and row[word] != value:
            out.add("journal_differs", name, f"its record says another {word}")


_FATES: Final = ["page", "blank", "separator", "superseded", "quarantined", "refused", "lost"]
_MOVING: Final = frozenset({7, 8, 9, 10, 12, 14, 15})
"""Amendments that may change a place, by their number: all but reject, link and raw_dropped."""


def _said(
    kind: str, record: bytes | None, name: str, out: Findings
) -> tuple[Mapping[str, Any], bool]:
    """Return where a record puts its face, or whether it may move one; fields by their number."""
    if record is None or kind not in {"page", "amendment"}:
        return {}, False
    try:
        if kind == "amendment":
            return {}, bool(_MOVING & _fields(_fields(record)[2]).keys())
        page = _fields(_fields(record)[1])
        at = _fields(page.get(16, b""))
        texts = {"case_key": page.get(13), "stage": page.get(14), "volume": page.get(15)}
        texts |= {"material": at.get(1), "party": at.get(2)}
        says: dict[str, Any] = {word: (text or b"").decode() for word, text in texts.items()}
        says |= {"instance": at.get(3, 0), "page": at.get(4, 0), "fate": _FATES[page[19] - 1]}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        out.add("journal_broken", name, "its record cannot be read")
        return {}, False
    return says, False


def _fields(message: bytes) -> dict[int, Any]:
    """Return the fields of a protobuf message by number: ints and bytes; the last one counts."""
    found: dict[int, Any] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire, size = tag & 7, {1: 8, 5: 4}.get(tag & 7, 0)
        if wire in {0, 2}:
            size, at = _varint(message, at)
        elif not size:
            raise ValueError("not a message")
        found[tag >> 3] = size if wire == 0 else message[at : at + size]
        at += 0 if wire == 0 else size
    if at != len(message):
        raise ValueError("not a whole message")
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


class _Expected(NamedTuple):
    """A file that must be there; `excuse` is the kind of problem when it is not."""

    name: str
    sha256: str
    excuse: str = "missing"


def _expected(
    cases: Sequence[_Case], journal: _Journal | None, out: Findings
) -> Iterator[_Expected]:
    """Yield each file once: as the manifests name it, then what only the journal knows."""
    pulled = journal.files if journal else ()
    gone = {(page_id, role) for page_id, role, _, path in pulled if path is None}
    named: dict[str, str] = {}
    for row in (row for case in cases for row in case.rows):
        entry = journal.at(row["sequence"]) if journal else None
        here = "not_pulled" if entry is None else "missing" if entry.page_id else "withheld"
        for blob in (blob for blob in row["blobs"] if blob["file"]):
            damaged = blob["damaged"] or (row["page_id"], blob["role"]) in gone
            excuse = "damaged_at_appliance" if damaged else here if journal else "missing"
            named[blob["file"]] = blob["sha256"]
            yield _Expected(blob["file"], blob["sha256"], excuse)
    for page_id, role, sha256, path in pulled:
        if path is not None and path not in named:
            yield _Expected(path, sha256)
        elif path is not None and named[path] != sha256:
            out.add("journal_differs", page_id, f"the manifest states another hash of its {role}")


def _files(
    files: Mapping[str, Path], expected: Sequence[_Expected], unread: set[str], out: Findings
) -> None:
    """Hold every file against what is expected, and say where its bytes went."""
    hashes = {name: _hash_of(name, path, out) for name, path in files.items()}
    out.files = len(hashes)
    names = {one.name for one in expected}
    owner = {one.sha256: one.name for one in expected}
    added = {name: digest for name, digest in hashes.items() if name not in names}
    for one in expected:
        digest = hashes.get(one.name)
        if digest is None:
            elsewhere = next((name for name in added if added[name] == one.sha256), None)
            if elsewhere is None:
                out.add(one.excuse, one.name, "its bytes are not here")
            else:
                del added[elsewhere]
                out.add("renamed", one.name, f"its bytes lie under the name {elsewhere}")
        elif digest in owner and digest != one.sha256:
            out.add("swapped", one.name, f"it has the bytes of {owner[digest]}")
        elif digest not in {one.sha256, ""}:
            out.add("altered", one.name, "its bytes are not those that were captured")
    for name, digest in added.items():
        if name.split("/")[0] not in unread:
            copy = f"a copy of {owner[digest]}" if digest in owner else "nothing names it"
            out.add("added", name, copy)


def _hash_of(name: str, path: Path, out: Findings) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        out.add("unreadable", name, str(error.strerror))
        return ""
    return digest.hexdigest()


def report(found: Findings, *, as_json: bool) -> str:
    """Return what a person or a script reads."""
    if as_json:
        tree = {name: getattr(found, name) for name in ("pages", "files", "entries", "ends")}
        tree |= {"verified": not found.found, "problems": [asdict(one) for one in found.found]}
        return json.dumps(tree, sort_keys=True)
    journal = "no journal" if found.entries is None else f"{found.entries} journal entries"
    word = f"{len(found.found)} problem(s)" if found.found else "verified"
    size = f"{len(found.ends)} case(s), {found.pages} pages, {found.files} files, {journal}"
    ends = [f"end of {_printable(key)}: {_printable(end)}" for key, end in found.ends.items()]
    return "\n".join([*found.problems, *ends, f"{word}: {size}"])


def _printable(text: str) -> str:
    """Return text that cannot confuse a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def main() -> int:
    """Verify the folder that the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(description="Verify a pulled folder.")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="for a script")
    chosen = parser.parse_args()
    try:
        found = verify(chosen.folder)
    except NotAPulledFolder as error:
        print(f"{_printable(str(chosen.folder))}: {error}", file=sys.stderr)
        return NOT_ONE
    print(report(found, as_json=chosen.json))
    return FAILED if found.found else 0


if __name__ == "__main__":
    sys.exit(main())
