"""Verifies a pulled folder: every file, every manifest, and the journal they come from.

    python3 verifier.py DIR [--json]       status 0: all is well, 8: it is not, 2: not such a folder

    DIR/.suian.db                          the journal as it was pulled, SQLite; may be absent
    DIR/<case key>/manifest.json           see `_chain`
    DIR/<case key>/<volume>/<file>         the bytes
    DIR/journal/                           not looked at: the same journal, of an object store

Runs alone: standard library only (Python 3.11 or later), so that it can be copied anywhere and read
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
_OWN: Final = (".suian.", "journal/")
_Row = Mapping[str, Any]
_Wanted = tuple[str, str, str]  # name, hash, and what it is called when the file is not there


class NotAPulledFolder(ValueError):
    """There is neither a journal nor a manifest in it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One difference: a fixed word, the file, page or entry it was found at, and what it is.

    Words: altered, missing, added, renamed, swapped, not_a_file, unreadable, damaged_at_appliance,
    not_sent, not_pulled, withheld, wrong_standing, wrong_order, count_differs, chain_broken,
    wrong_folder, manifest_(unreadable form missing outdated), journal_(broken differs).
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
    _files(files, [*_expected(cases, journal, out)], unread, out)
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


_PLACE: Final = ("volume", "stage", "material", "party", "instance", "page")
_TEXTS: Final = ("page_id", "record_hash", "fate", "standing", "row_hash", *_PLACE[:4])
_OTHERS: Final = {"sequence": int, "instance": int, "page": int, "blobs": list, "changes": list}
_SHAPE: Final[Mapping[str, type]] = {**dict.fromkeys(_TEXTS, str), **_OTHERS}


@dataclass(frozen=True, slots=True)
class _Case:
    """One manifest; `name` is where it lies, `key` whose it says it is."""

    name: str
    head: _Row
    pages: Sequence[_Row]
    rows: Sequence[_Row]
    end: str

    def __post_init__(self) -> None:
        _typed(self.head, {"case_key": str, "epoch": str, "counts": dict, "faces": int})
        _typed(self.head["journal"], {"sequence": int, "entry_hash": str})
        for row in self.rows:
            _typed(row, _SHAPE)
            bytes.fromhex(row["row_hash"])
            for blob in row["blobs"]:
                _typed(blob, {"role": str, "file": str, "sha256": str, "damaged": bool})
            for change in row["changes"]:
                _typed(change, {"sequence": int})

    @property
    def key(self) -> str:
        return str(self.head["case_key"])


def _typed(tree: _Row, shape: Mapping[str, type]) -> None:
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
        rows = [*tree["pages"], *tree["others"]]
        case = _Case(name, tree["head"], tree["pages"], rows, tree["end"])
        same = tree["format"] == FORMAT and _canonical(tree) == data
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        out.add("manifest_unreadable", name, f"truncated, or not a manifest: {error}")
        return None
    if not same:
        out.add("manifest_form", name, "its bytes are not those that were written")
    if case.key != path.parent.name:
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
        pair = bytes.fromhex(link) + hashlib.sha256(content).digest()
        link = row["row_hash"]
        if link != hashlib.sha256(pair).hexdigest():
            out.add("chain_broken", row["page_id"], "its row was changed, or the one before it")
    if case.end != link:
        out.add("chain_broken", case.name, "the last row, or the head, is not the one written")


def _counts(case: _Case, out: Findings) -> None:
    """Hold counts, standings and archival page numbers against the rows."""
    fates = [row["fate"] for row in case.rows]
    counts = case.head["counts"]
    if any(fates.count(fate) != counts.get(fate, 0) for fate in {*fates, *counts}):
        out.add("count_differs", case.name, "faces by fate are not those of the rows")
    if case.head["faces"] != len(fates):
        out.add("count_differs", case.name, f"{len(fates)} faces, not {case.head['faces']}")
    for at, row in enumerate(case.rows):
        if (at < len(case.pages)) != (row["standing"] == "page"):
            out.add("wrong_standing", row["page_id"], f"it does not count as {row['standing']}")
    last: dict[str, Any] = {}
    for row in case.pages:
        number, before = row.get("number"), last.get(row["volume"], 0)
        if number is not None and number != before + 1:
            out.add("wrong_order", row["page_id"], f"page {number} after {before}")
        last[row["volume"]] = number if isinstance(number, int) else 0


class _Entry(NamedTuple):
    """One entry; without a page id it was withheld: it concerns a volume we may not read."""

    page_id: str
    record_hash: str
    entry_hash: str
    says: _Row


class _Journal(NamedTuple):
    """The entries from 1, the files (page id, role, hash, path), and the case of each page."""

    epoch: str
    entries: Sequence[_Entry]
    files: Sequence[tuple[str, str, bytes, str | None]]
    cases: Mapping[str, str]

    def at(self, sequence: int) -> _Entry | None:
        return self.entries[sequence - 1] if 1 <= sequence <= len(self.entries) else None


def _journal(path: Path, out: Findings) -> _Journal | None:
    """Read the journal and follow its chain; None, and a problem, when it cannot be read."""
    # Without a log beside it the database is at rest: immutable leaves no file behind.
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as db:
            db.row_factory = sqlite3.Row
            told = {"chain_algorithm": "sha256", **db.execute("SELECT * FROM cursor").fetchone()}
            epoch, last, end = told["epoch"], told["sequence"], told["entry_hash"].hex()
            entries = list(_follow(told, db.execute("SELECT * FROM entry ORDER BY sequence"), out))
            files = db.execute("SELECT page_id, role, sha256, path FROM file").fetchall()
            placed = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'page'").fetchone()
            cases = dict(db.execute("SELECT page_id, case_key FROM page") if placed else ())
    except (sqlite3.Error, TypeError, ValueError, AttributeError) as error:
        out.add("journal_broken", DATABASE, f"it cannot be read: {error}")
        return None
    out.entries = len(entries)
    if out.entries != last or (entries and entries[-1].entry_hash != end):
        out.add("journal_broken", DATABASE, f"it ends at {len(entries)}, not at {last}")
    return _Journal(epoch, entries, files, cases)


def _follow(told: _Row, rows: Iterable[Any], out: Findings) -> Iterator[_Entry]:
    """Follow entry_hash = H(previous || H(record)) from H(the epoch's text)."""
    algorithm = told["chain_algorithm"]
    if algorithm not in hashlib.algorithms_available:
        raise ValueError(f"this Python does not have {algorithm}: use another one")

    def digest(data: bytes) -> bytes:
        return hashlib.new(algorithm, data).digest()

    link = digest(told["epoch"].encode())
    for expected, row in enumerate(rows, 1):
        sequence, kind, page_id, record, record_hash, entry_hash = row
        name = f"entry {sequence}"
        if sequence != expected:
            raise ValueError(f"entry {expected} is missing")
        if record is not None and digest(record) != record_hash:
            out.add("journal_broken", name, "its record was altered")
        if digest(link + record_hash) != entry_hash:
            out.add("journal_broken", name, "it does not continue the chain")
        link = entry_hash
        says = _said(kind, record, name, out)
        yield _Entry(page_id, record_hash.hex(), entry_hash.hex(), says)


def _against_journal(
    cases: Sequence[_Case], unread: set[str], journal: _Journal, out: Findings
) -> None:
    """Hold the manifests and the journal against each other, entry by entry."""
    listed: set[tuple[int, str]] = set()
    until = {case.key: case.head["journal"]["sequence"] for case in cases}
    for case in cases:
        at = journal.at(until[case.key])
        if case.head["epoch"] != journal.epoch:
            out.add("journal_differs", case.name, "it was written from another journal")
        elif at is not None and at.entry_hash != case.head["journal"]["entry_hash"]:
            out.add("journal_differs", case.name, "it states another hash of its newest entry")
        for row in case.rows:
            listed |= {(one["sequence"], case.key) for one in (row, *row["changes"])}
            _row_in_journal(row, journal, out)
    passed = {"", *unread}
    for sequence, entry in enumerate(journal.entries, 1):
        key = journal.cases.get(entry.page_id) or entry.says.get("case_key", "")
        if key in passed or (sequence, key) in listed:
            continue
        if key not in until:
            out.add("manifest_missing", key, "the journal has faces of this case")
            passed.add(key)
        elif sequence > until[key]:
            out.add("manifest_outdated", entry.page_id, "captured or changed after it: pull again")
        else:
            out.add("journal_differs", entry.page_id, f"entry {sequence} is not in the manifest")


def _row_in_journal(row: _Row, journal: _Journal, out: Findings) -> None:
    """Hold one row against its entry and its amendments: the same face, record, place, standing."""
    name, sequence = row["page_id"], row["sequence"]
    entry = journal.at(sequence)
    found = (entry.page_id or name, entry.record_hash) if entry else None
    if entry is None or found != (name, row["record_hash"]):
        kind = "journal_differs" if entry else "not_pulled"
        out.add(kind, name, f"entry {sequence} of the journal here is another one, or not there")
        return
    listed = [change["sequence"] for change in row["changes"]]
    told = [one for one in map(journal.at, listed) if one is not None and one.page_id]
    if any(one.page_id != name for one in told):
        out.add("journal_differs", name, "it lists a change of another face")
    if len(told) < len(listed):
        return  # not pulled yet, or withheld: what it is now is not known here
    says = dict(entry.says)
    for one in told:
        says |= one.says
    for word, value in says.items():
        if word in row and value is not None and row[word] != value:
            out.add("journal_differs", name, f"the journal says another {word}")


_FATES: Final = ["page", "blank", "separator", "superseded", "quarantined", "refused", "lost"]
_BECOMES: Final = {10: "page", 9: "not_for_archive", 11: "rejected", 15: _FATES[3], 17: _FATES[4]}
"""What a face counts as after an amendment, by its number; resolve (14) says it itself."""


def _said(kind: str, record: bytes | None, name: str, out: Findings) -> _Row:
    """Return what an entry says of its face; None: another one, but not which."""
    if record is None or kind not in {"page", "amendment"}:
        return {}
    try:
        entry = _fields(record)
        if kind == "amendment":
            return _amended(_fields(entry[2]))
        page = _fields(entry[1])
        at, fate = _fields(page.get(16, b"")), _FATES[page[19] - 1]
        texts = {"case_key": page.get(13), "stage": page.get(14), "volume": page.get(15)}
        texts |= {"material": at.get(1), "party": at.get(2)}
        says: dict[str, Any] = {word: (text or b"").decode() for word, text in texts.items()}
        says |= {"instance": at.get(3, 0), "page": at.get(4, 0), "fate": fate, "standing": fate}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        out.add("journal_broken", name, "its record cannot be read")
        return {}
    return says


def _amended(amendment: Mapping[int, Any]) -> _Row:
    """Return a new standing, or that the place is another one: assign (7) and move (8)."""
    if 14 in amendment:
        return {"standing": _FATES[_fields(amendment[14])[1] - 1]}
    if {7, 8} & amendment.keys():
        return dict.fromkeys(_PLACE)
    told = [standing for number, standing in _BECOMES.items() if number in amendment]
    return {"standing": told[0]} if told else {}


def _fields(message: bytes) -> dict[int, Any]:
    """Return the fields of a protobuf message by number: ints and bytes; the last one counts."""
    found: dict[int, Any] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        size = {1: 8, 5: 4}.get(tag & 7, 0)
        if tag & 7 in {0, 2}:
            size, at = _varint(message, at)
        elif not size:
            raise ValueError("not a message")
        found[tag >> 3] = message[at : at + size] if tag & 7 else size
        at += size if tag & 7 else 0
    if at != len(message):
        raise ValueError("not a whole message")
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while message[at] & 128:
        value |= (message[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | message[at] << shift, at + 1


def _expected(cases: Sequence[_Case], journal: _Journal | None, out: Findings) -> Iterator[_Wanted]:
    """Yield each file once: as the manifests name it, then what only the journal knows."""
    pulled = journal.files if journal else ()
    gone = {(page_id, role) for page_id, role, _, path in pulled if path is None}
    named: dict[str, str] = {}
    for row in (row for case in cases for row in case.rows):
        entry = journal.at(row["sequence"]) if journal else None
        here = "not_pulled" if entry is None else "missing" if entry.page_id else "withheld"
        for blob in (blob for blob in row["blobs"] if blob["file"]):
            excuse = here if journal else "missing"
            if blob["damaged"] or (row["page_id"], blob["role"]) in gone:
                excuse = "damaged_at_appliance" if blob["damaged"] else "not_sent"
            named[blob["file"]] = blob["sha256"]
            yield blob["file"], blob["sha256"], excuse
    for page_id, role, sha256, path in pulled:
        if path is not None and path not in named:
            yield path, sha256.hex(), "missing"
        elif path is not None and named[path] != sha256.hex():
            out.add("journal_differs", page_id, f"the manifest states another hash of its {role}")


def _files(
    files: Mapping[str, Path],
    expected: Sequence[_Wanted],
    unread: set[str],
    out: Findings,
) -> None:
    """Hold every file against what is expected, and say where its bytes went."""
    hashes = {name: _hash_of(name, path, out) for name, path in files.items()}
    out.files = len(hashes)
    owner = {sha256: name for name, sha256, _ in expected}
    added = {name: hashes[name] for name in hashes.keys() - {name for name, _, _ in expected}}
    for name, sha256, excuse in expected:
        digest = hashes.get(name)
        if digest is None:
            elsewhere = next((other for other in added if added[other] == sha256), None)
            if elsewhere is None:
                out.add(excuse, name, "its bytes are not here")
            else:
                del added[elsewhere]
                out.add("renamed", name, f"its bytes lie under the name {elsewhere}")
        elif digest in owner and digest != sha256:
            out.add("swapped", name, f"it has the bytes of {owner[digest]}")
        elif digest not in {sha256, ""}:
            out.add("altered", name, "its bytes are not those that were captured")
    for name, digest in sorted(added.items()):
        if name.split("/")[0] not in unread:
            copy = f"a copy of {owner[digest]}" if digest in owner else "nothing names it"
            out.add("added", name, copy)


def _hash_of(name: str, path: Path, out: Findings) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        out.add("unreadable", name, str(error.strerror))
        return ""


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
