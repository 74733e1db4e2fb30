"""``demo``: the campus, recognised; or a photo of yours, looked up in it."""

import argparse
import json
import os
import sys
import textwrap
import time
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median

from mvs_lib import paths

CHECKPOINT = "campus_ssdh_48.safetensors"
START = "py start.py" if os.name == "nt" else "python3 start.py"
SHOWN = 5  # places listed for a photo of yours
VOTES = 50  # nearest source photos that vote for them
WIDTH = 88  # of a line, in letters


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--photo", type=Path, metavar="FILE", help="look up a photo of yours")
    parser.add_argument("--json", action="store_true", help="print one JSON object, and no more")
    parser.add_argument(
        "--output", type=Path, default=Path("demo"), metavar="FOLDER", help="where the picture goes"
    )


def run(options: argparse.Namespace) -> int:
    """Show the road from photo to place and save a picture of it.

    Raises:
        ValueError, FileNotFoundError: the photo cannot be read, or the course lacks a file.
    """
    if options.photo is not None:
        check_photo(options.photo)  # before the minutes that the first drawing takes
    options.output.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    # Words for people go to stderr if a program reads stdout.
    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        found = show(options.photo, options.output)
    found["seconds"] = round(time.perf_counter() - start, 1)
    if options.json:
        print(json.dumps(found))
    else:
        print(f"\nThat took {found['seconds']:.0f} s. Next:")
        print(f"  {START} lab                   the course, from notebook 00 on")
        print(f"  {START} demo --photo FILE     a photo of yours through the same phone")
        print(f"  {START} doctor                if something does not work")
    return 0


def check_photo(path: Path) -> None:
    """Refuse a file that is no photo, and say why.

    Raises:
        ValueError: see `mvs_lib.datasets.photos.read`.
    """
    from mvs_lib.datasets import photos

    try:
        photos.read(path)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def load_campus():
    """Return the campus; the first time it is drawn, with a progress bar."""
    from mvs_lib.datasets import campus

    return campus.load()


def show(photo: Path | None, output: Path) -> dict:
    """Run the demonstration, print what happens, and return the figures."""
    from mvs_lib.course import answer_sheet
    from mvs_lib.datasets import photos
    from mvs_lib.phone.process import PhoneEncoder
    from mvs_lib.service import demonstration

    _say("Reading the campus and the codes of its photos; the first time, both are made ...")
    split = load_campus()
    source, query = split.source, split.query
    recognizer, encoder = demonstration.prepare(source, paths.checkpoints() / CHECKPOINT)
    _say(
        f"""The server knows {len(source.names)} places from {len(source):,} photos, of each the
        {recognizer.bits} bits of its hash code. The phone is a process of its own: a photo goes in,
        those bits come out, and nothing else is sent."""
    )
    with PhoneEncoder(encoder) as phone:
        which = demonstration.draw(query.labels)
        rows = demonstration.recognise(recognizer, phone, query, which)
        live = list(rows) if photo else _print_rows(rows, recognizer.bits)
        own = demonstration.send(recognizer, phone, photo.read_bytes(), VOTES) if photo else None
    scores = demonstration.score(recognizer, query)
    figures = {
        "top1": round(scores.top1, 4),
        "map": round(scores.map, 4),
        "recognised": round(scores.recognised, 4),
        "bytes_per_query": live[0].sent_bytes,
        "photo_bytes": round(median(each.photo_bytes for each in live)),
        "encode_ms": round(median(each.encode_ms for each in live), 3),
        "search_ms": round(median(each.search_ms for each in live), 3),
        "photos": len(source),
        "queries": scores.queries,
    }
    if own is None:
        _print_scores(live, scores, figures, query.images.shape[1])
        drawing = answer_sheet.answer_sheet(source, query.images[which], live)
    else:
        figures["answers"] = _print_own(photo, own, scores.distance, recognizer.bits)
        image = photos.read(photo, source.images.shape[1])[None]
        drawing = answer_sheet.answer_sheet(source, image, [own])
    path = output / ("answers.png" if own is None else "your_photo.png")
    path = answer_sheet.save(*drawing, path).resolve()
    print(f"\nThe picture of it: {path}")
    return figures | {"picture": str(path)}


def _print_rows(found, bits: int) -> list:
    """Print a line for each recognition as it happens; return them all."""
    head = f"{'place':22}{'photo':>9}{'sent':>6}{'encode':>10}{'search':>10}  {'answer':22}distance"
    print(f"\n{head}")
    rows = []
    for each in found:
        best = each.answers[0]
        line = f"{each.place[:21]:22}{each.photo_bytes:7,} B{each.sent_bytes:4} B"
        line += f"{each.encode_ms:7.1f} ms{each.search_ms:7.2f} ms  {best.place[:21]:22}"
        verdict = "right" if each.right else "WRONG"
        print(f"{line}{best.distance:2} of {bits}  {verdict}", flush=True)
        rows.append(each)
    return rows


def _print_scores(live: list, scores, figures: dict, side: int) -> None:
    _say(
        f"""{sum(each.right for each in live)} of these {len(live)} are right, drawn by lot. A code
        of {figures["bytes_per_query"]} bytes went out for a photo of {figures["photo_bytes"]:,}
        (at {side} pixels; a phone's own files are far larger)."""
    )
    print(f"\nAll {scores.queries:,} query photos, none of which the server has seen:")
    print(f"  top-1 {scores.top1:.4f}   the nearest photo shows the place")
    print(f"  MAP   {scores.map:.4f}   mean average precision over the whole ranking (Eq. 1)")
    print(f"  vote  {scores.recognised:.4f}   the ten nearest photos name the place")
    print("The campus is generated and easier than life: expect less of real photos.")


def _print_own(photo: Path, own, usual: float, bits: int) -> list[dict]:
    """Print the places nearest to a reader's photo, and what that is worth; return them."""
    print(f"\nYour photo {photo.name}: {own.photo_bytes:,} bytes; the phone sent {own.sent_bytes}.")
    print("The nearest places of the campus:")
    nearest = sorted(own.answers, key=lambda each: each.distance)[:SHOWN]
    for each in nearest:
        share = f"{each.votes} of the {len(own.nearest)} nearest photos"
        print(f"  {each.place:22}{each.distance:2} of {bits} bits away  {share}")
    _say(
        f"""The campus is made up, so it does not know what your photo shows: these are the places
        that look most alike. (A query of the campus itself is usually {usual:.0f}
        bit{"s" * (round(usual) != 1)} from its nearest photo; two codes that have nothing in
        common differ in about {bits // 2}.) To recognise your own places, give photos of them:
        notebook 13, or in Python"""
    )
    print("  from mvs_lib.datasets import photos")
    print('  split, report = photos.load("FOLDER")    # a subfolder for each place')
    return [
        {name: getattr(each, name) for name in ("place", "distance", "votes")} for each in nearest
    ]


def _say(text: str) -> None:
    """Print a paragraph, and show it before the next long step."""
    print("\n" + textwrap.fill(" ".join(text.split()), WIDTH), flush=True)
