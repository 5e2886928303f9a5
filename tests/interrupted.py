"""Runs the program in a separate process and interrupts it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
posix_signals = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
IMPORTS_TORCH = r"import time:.* torch\."
"""The line of `-X importtime` on the first module of PyTorch, long before the import is complete."""


def interrupted(folder: Path, arguments: Sequence[str], after: str) -> subprocess.CompletedProcess[str]:
    """Run `python -W error -m fststyle ARGUMENTS` in `folder`. Send SIGINT after the first line on stderr
    that matches the pattern `after`.

    Warnings about unclosed files are ignored: Python raises one if the signal comes while a file is opened.
    The test fails if the process ends before the line, or does not end within a minute of the signal.
    """
    timed = ["-X", "importtime"] if after == IMPORTS_TORCH else []
    warnings = ["-W", "error", "-W", "ignore::ResourceWarning"]
    command = [sys.executable, *warnings, *timed, "-m", "fststyle", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes) as process:
        try:
            before = ""
            for line in process.stderr:
                before += line
                if re.match(after, line):
                    break
            else:
                pytest.fail(f"no line {after!r} before the end:\n{before}")
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=60)
        finally:
            process.kill()
    lines = (before + error).splitlines(keepends=True)
    said = "".join(line for line in lines if not line.startswith("import time:"))
    return subprocess.CompletedProcess(command, process.returncode, out, said)
