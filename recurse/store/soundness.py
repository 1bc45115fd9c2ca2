"""A database file is whole if every block of it can be read.

DuckDB checks a block when it reads the block, and opening a file reads few of them.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

Settings = dict[str, str | bool | int | float | list[str]]
OFFLINE: Settings = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "threads": "1",
}
"""Settings of every connection; one thread, so that equal stores are read in equal order."""
HARDENED: Settings = {
    **OFFLINE,
    "enable_external_access": "false",
    "lock_configuration": "true",
}
"""Settings of a connection to a file that may be somebody else's: no way to other files."""
_DAMAGE = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.SerializationException,
)


def read_all(connection: duckdb.DuckDBPyConnection) -> int:
    """Read every table from end to end; returns the number of stored generations.

    Raises:
        duckdb.Error: a block is damaged.
    """
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() "
        "AND NOT internal ORDER BY table_name"
    ).fetchall()
    for (name,) in tables:
        quoted = name.replace('"', '""')
        connection.execute(f'SELECT bit_xor(hash(t)) FROM "{quoted}" AS t').fetchall()
    if ("generations",) not in tables:
        return 0
    return int(connection.execute("SELECT count(*) FROM generations").fetchall()[0][0])


def examined(path: Path) -> tuple[int, str]:
    """The number of generations in a file that nobody writes to, and its damage or ''."""
    try:
        connection = duckdb.connect(str(path), read_only=True, config=HARDENED)
    except (duckdb.Error, OSError) as error:
        return 0, first_line(error)
    try:
        return read_all(connection), ""
    except duckdb.Error as error:
        return 0, first_line(error)
    finally:
        connection.close()


def tells_damage(error: duckdb.Error) -> bool:
    """True if an error may come from a damaged file, not from a query that makes no sense."""
    return isinstance(error, _DAMAGE) or type(error) is duckdb.Error


def first_line(error: Exception) -> str:
    """The first line of an error's text."""
    return (str(error).splitlines() or [type(error).__name__])[0]
