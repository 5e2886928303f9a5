"""The SQLite database of jobs, ratings and votes."""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fststyle.errors import OutputError

Value = str | int | float | None
"""Type of a column value."""

JsonObject = dict[str, Any]
"""Type of a JSON object."""

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL,
    started REAL, finished REAL, label TEXT NOT NULL, settings TEXT NOT NULL, result TEXT, error TEXT,
    owner TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS ratings (
    id INTEGER PRIMARY KEY, created REAL NOT NULL, style TEXT NOT NULL, stars INTEGER NOT NULL,
    judge TEXT NOT NULL, settings TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sheets (
    sheet TEXT PRIMARY KEY, created REAL NOT NULL, painting TEXT NOT NULL, photo TEXT NOT NULL,
    a TEXT NOT NULL, b TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS votes (
    sheet TEXT NOT NULL REFERENCES sheets, judge TEXT NOT NULL, choice TEXT NOT NULL, created REAL NOT NULL,
    PRIMARY KEY (sheet, judge)
);
"""


class Database:
    """A database connection shared by all threads of the process.

    Each statement is its own transaction, so statements that have completed survive if the process is killed.
    """

    def __init__(self, path: Path):
        """Open or create the database file and its folder. Raises `OutputError` if this fails."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.executescript(_TABLES)
            columns = {row["name"] for row in self._connection.execute("PRAGMA table_info(jobs)")}
            if "owner" not in columns:  # a database from an earlier version
                self._connection.execute("ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT ''")
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"{path}: cannot be used as the database ({error})") from error
        self._lock = threading.Lock()

    def run(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Run an SQL statement with ``values`` for its placeholders. Returns the number of changed rows."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[dict[str, Any]]:
        """Run an SQL query with ``values`` for its placeholders.

        Returns one dict per row, with the column names as keys.
        """
        with self._lock:
            return [dict(row) for row in self._connection.execute(query, values).fetchall()]

    def close(self) -> None:
        with self._lock:
            self._connection.close()
