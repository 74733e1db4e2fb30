"""``doctor``: is everything here that the course needs?"""

import argparse
import json

from mvs_lib.course import doctor

WORDS = {"ok": "ok", "mend": "MEND", "note": "note"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, and no more")


def run(options: argparse.Namespace) -> int:
    """Look at everything, a line each; return 1 if something essential is to be mended."""
    found = []
    for each in doctor.examine():
        found.append(each)
        if not options.json:
            print(f"{WORDS[each.status]:4}  {each.subject}: {each.found}", flush=True)
            if each.mend:
                print(f"      what to do: {each.mend}", flush=True)
    bad = [each for each in found if each.status == "mend"]
    if options.json:
        findings = [{**each._asdict(), "status": each.status} for each in found]
        print(json.dumps({"ok": not bad, "findings": findings}, indent=1))
    elif bad:
        print(f"\n{len(bad)} to mend: {', '.join(each.subject for each in bad)}.")
    else:
        print("\nNothing essential is missing.")
    return 1 if bad else 0
