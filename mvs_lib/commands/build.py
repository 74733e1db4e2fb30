"""``build``: make the notebooks from their sources."""

import argparse

from mvs_lib.course import build


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("names", nargs="*", help="notebooks, such as 02; all if none is named")


def run(options: argparse.Namespace) -> int:
    """Build, execute and write the notebooks, student version and solutions; name the files."""
    for path in build.build(options.names or None):
        print(path)
    return 0
