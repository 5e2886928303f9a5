"""Common parts of the benchmark programs: one-line errors, and tables at full width."""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from fststyle.errors import FststyleError

Found = TypeVar("Found")


def run(measure: Callable[[Console], Found], report: Callable[[Found], None]) -> int:
    """Run a benchmark and return its exit code.

    `measure` is called with a console on stderr for its progress, and `report` with its result.
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
    """Print to stdout, at the width of the terminal, or 200 columns in a pipe or file."""
    Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200).print(table)
