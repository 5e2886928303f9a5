"""Common parts of the benchmark programs: errors as one line, and tables at full width."""

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from fststyle.errors import FststyleError

Found = TypeVar("Found")
Row = dict[str, Any]
"""One row of a result, as printed with --json: column names -> values."""


def run(measure: Callable[[Console], Found], report: Callable[[Found], None]) -> int:
    """Run a benchmark. Returns the exit code: 0, or that of a `FststyleError`, which is printed to stderr.

    Args:
        measure: called with a console on stderr for its progress.
        report: called with the result of `measure`.
    """
    console = Console(stderr=True)
    try:
        found = measure(console)
    except FststyleError as error:
        console.print(f"error: {error}", highlight=False)
        return error.exit_code
    report(found)
    return 0


def show(table: Table) -> None:
    """Print a table to stdout, at the width of the terminal (or of COLUMNS), or at 200 columns in a pipe."""
    Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200).print(table)
