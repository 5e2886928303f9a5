"""Where the benches print their tables."""

import os
import sys

from rich.console import Console
from rich.table import Table


def show(table: Table) -> None:
    """On stdout: as wide as a terminal is, and in a pipe or file wide enough for every figure."""
    Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200).print(table)
