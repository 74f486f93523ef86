"""The console command: `scirs-ad`, or `python -m scirs_ad`."""

import argparse
import sys

import scirs_ad as ad
from scirs_ad._cli import demo, fit

__all__ = ["main"]


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; argparse would print the usage before it."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(argv=None):
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : list of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        0; 1 if a fit did not converge; 2 for bad input.
    """
    parser = Parser(prog="scirs-ad", description="Fit models to data with exact derivatives of plain NumPy code.")
    parser.add_argument("--version", action="version", version=f"scirs-ad {ad.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in demo, fit:
        command.add_parser(commands)
    arguments = parser.parse_args(_attach_starts(sys.argv[1:] if argv is None else argv))
    return arguments.run(arguments)


def _attach_starts(argv):
    """Write `--start -1,2` as `--start=-1,2`: argparse takes `-1,2` for an option."""
    out = []
    for word in argv:
        if out and out[-1] == "--start":
            out[-1] = f"--start={word}"
        else:
            out.append(word)
    return out


if __name__ == "__main__":
    sys.exit(main())
