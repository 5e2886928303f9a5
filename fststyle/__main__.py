"""`python -m fststyle`, and what the console script calls."""

import signal
import sys


def main() -> None:
    """The program; Ctrl-C is quiet from its first import on."""
    try:
        from fststyle.cli import main as program

        program()
    except KeyboardInterrupt:
        # a second one must not break off what is cleared up at the end
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stderr.write("fststyle: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
