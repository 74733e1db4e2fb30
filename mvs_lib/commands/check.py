"""``check``: verify the notebooks."""

import argparse

from mvs_lib.course import verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("names", nargs="*", help="notebooks, such as 02; all if none is named")


def run(options: argparse.Namespace) -> int:
    """Run the notebooks, compare, print a line for each; return 1 if one does not hold."""
    return verify.main(options.names)
