"""`python -m fststyle`, and the entry point of the console script."""

import signal
import sys


def main() -> None:
    """Run the program. Ctrl-C gives one line instead of a traceback, also during imports."""
    try:
        from fststyle.cli import main as program

        program()
    except KeyboardInterrupt:
        # A second Ctrl-C must not interrupt the cleanup.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stderr.write("fststyle: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
