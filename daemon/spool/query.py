"""Questions to SQLite whose answers are rows of plain values."""

from typing import Any

import apsw


def rows(connection: apsw.Connection, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return all rows; raises apsw.Error."""
    found: list[tuple[Any, ...]] = connection.execute(sql, values).fetchall()
    return found


def row(connection: apsw.Connection, sql: str, *values: Any) -> tuple[Any, ...] | None:
    """Return the first row, None when there is none; raises apsw.Error."""
    found: tuple[Any, ...] | None = connection.execute(sql, values).fetchone()
    return found


def value(connection: apsw.Connection, sql: str, *values: Any) -> Any:
    """Return the first column of the first row, None when there is no row; raises apsw.Error."""
    found = row(connection, sql, *values)
    return None if found is None else found[0]
