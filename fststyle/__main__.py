"""`python -m fststyle`."""

from fststyle.cli import main

if __name__ == "__main__":
    main()
