"""The command line: `hvae`, or `python -m hvae`."""

import sys


def main() -> None:
    """Run the command of the arguments."""
    try:
        from hvae.cli import app
    except KeyboardInterrupt:
        # Python is still reading the program, which has its own way to stop afterwards.
        sys.exit(130)
    app(prog_name="hvae")


if __name__ == "__main__":
    main()
