"""Entry point of `python -m fststyle` and of the console script."""

import sys


def main() -> None:
    """Run the ``fststyle`` command.

    On Ctrl-C, even during imports, print one line and exit with status 130.
    """
    try:
        from fststyle.signals import exceptions_for_signals

        with exceptions_for_signals():
            from fststyle.cli import main as program

            program()
    except KeyboardInterrupt:
        sys.stderr.write("fststyle: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
