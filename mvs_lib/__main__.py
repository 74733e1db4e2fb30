"""The command line: ``python -m mvs_lib COMMAND``."""

import argparse
import os
import sys
from importlib import import_module

COMMANDS = {
    "demo": "recognise phone photos of the campus, or a photo of yours",
    "lab": "open the course in JupyterLab",
    "serve": "open the phone page to browsers in the local network",
    "doctor": "check this environment and say in plain words what to mend",
    "check": "run every notebook and hold its output against what is stored",
    "build": "make the notebooks from their sources",
    "bench": "measure, and write the figures to data/results",
}


def parser(arguments: list[str]) -> argparse.ArgumentParser:
    """Return the parser; it knows the options of the command that ``arguments`` begin with."""
    whole = argparse.ArgumentParser(
        prog="python -m mvs_lib", description="Deep hashing for mobile visual search: the course."
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        # Only the command that is wanted is imported: most bring heavy packages, and the doctor
        # must be able to answer where those are missing.
        if arguments[:1] == [name]:
            module = import_module(f"mvs_lib.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status (0 done, 1 failed, 2 bad usage, 130 interrupted)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        whole = parser(arguments)
    except ModuleNotFoundError as error:
        print(
            f"{arguments[0]}: the package {error.name!r} is missing: "
            "python -m mvs_lib doctor says what to do",
            file=sys.stderr,
        )
        return 1
    if not arguments:
        whole.print_help()
        return 2
    options = whole.parse_args(arguments)
    try:
        return options.run(options) or 0
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(f"{options.command}: {_words(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{options.command}: interrupted; what was finished is kept.", file=sys.stderr)
        return 130


def _words(error: Exception) -> str:
    """Return an error's message; of one from the system, what is wrong with which file."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):  # a console that lacks a letter is no reason to fail
        stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
