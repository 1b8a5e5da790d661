"""A village and its court; the authority is that of the stream's tests."""

import apsw
import pytest

from tests.stream.bundle.village import Court, Village


@pytest.fixture
def village(tmp_path, authority):
    village = Village(tmp_path / "village", authority)
    yield village
    village.close()


@pytest.fixture
def make_village(tmp_path, authority):
    """More villages; closed at the end."""
    villages = []

    def make(**settings):
        folder = tmp_path / f"village-{len(villages)}"
        villages.append(Village(folder, settings.pop("authority", authority), **settings))
        return villages[-1]

    yield make
    for village in villages:
        village.close()


@pytest.fixture
def court(tmp_path, authority):
    return Court(tmp_path, authority)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "hall-1.bundle"


@pytest.fixture
def files():
    """What a pulled folder holds, by name."""

    def of(folder):
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".suian")
        }

    return of


@pytest.fixture
def rows():
    """What a pulled folder's database says, without what differs from run to run."""

    def of(folder):
        db = apsw.Connection(str(folder / ".suian.db"), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            tables = {
                name: db.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # noqa: S608
                for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            }
            tables["cursor"] = db.execute("SELECT epoch, sequence, entry_hash FROM cursor").get
            return tables
        finally:
            db.close()

    return of


@pytest.fixture
def held(rows):
    """The journal as a folder holds it, in order."""

    def of(folder):
        return [(row[0], row[4], row[5]) for row in rows(folder)["entry"]]

    return of
