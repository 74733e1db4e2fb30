"""``serve``: the phone page, for every phone and browser in the local network."""

import argparse
import signal
import sys
import time
from pathlib import Path

from mvs_lib import paths

CHECKPOINT = "campus_ssdh_48.safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--fetch",
        action="store_true",
        help="fetch onnxruntime-web from the npm registry (once, 33 MB), and no more",
    )
    parser.add_argument(
        "--recognizer",
        type=Path,
        metavar="FOLDER",
        help="a recogniser of your own places, as Recognizer.save writes it; else the campus",
    )
    parser.add_argument("--port", type=_port, default=8000, help="the next free one is taken")
    parser.add_argument(
        "--host", default="0.0.0.0", help="127.0.0.1 serves this computer only (default: all)"
    )
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="PEM: serve over https (live camera)"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="PEM: the certificate's key")


def run(options: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C; say where it is, and print each code that comes in.

    Raises:
        ValueError, OSError: onnxruntime-web cannot be fetched, there is no such recogniser, or the
            server cannot start.
    """
    from mvs_lib.service import browser_runtime  # needs no web server: start.py fetches with it

    kept = browser_runtime.fetch(progress=sys.stderr.isatty())
    if options.fetch:
        print(f"onnxruntime-web {browser_runtime.VERSION} is in {kept}")
        return 0
    try:
        from mvs_lib.service.phone_page import PhonePage, check_certificate
    except ModuleNotFoundError as error:
        raise ValueError(
            f"the package {error.name!r} is missing, which the extra [serve] brings: "
            "pip install -r requirements.txt"
        ) from None

    check_certificate(options.certificate, options.key)  # before the minutes of the first time
    recognizer, encoder = load(options.recognizer)
    with PhonePage(
        recognizer,
        encoder,
        options.host,
        options.port,
        options.certificate,
        options.key,
        heard=print_answer,
    ) as page:
        invite(page, recognizer.bits)
        try:
            page.wait()
        except KeyboardInterrupt:
            again = signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second Ctrl-C
            page.close()
            signal.signal(signal.SIGINT, again)
            print("\nThe page is closed.")
    return 0


def load(folder: Path | None):
    """Return the recogniser in a folder, or the campus's, and the file that its phones run.

    Raises:
        ValueError, FileNotFoundError: see `mvs_lib.service.recognizer.Recognizer.load`.
    """
    from mvs_lib.service.recognizer import Recognizer

    if folder is not None:
        return Recognizer.load(folder), folder / "encoder.onnx"
    from mvs_lib.datasets import campus
    from mvs_lib.service import demonstration

    print("Reading the campus and the codes of its photos; the first time, both are made ...")
    source = campus.load().source
    return demonstration.prepare(source, paths.checkpoints() / CHECKPOINT)


def invite(page, bits: int) -> None:
    """Print where the page is, as text and as a QR code, and what a phone may do there."""
    from mvs_lib.service import address

    print(f"\nThe phone page is open, until Ctrl-C:\n  on this computer   {page.here}")
    if page.address != page.here:
        print(f"  on a phone         {page.address}   (in the same Wi-Fi)\n")
        code = address.qr_text(page.address)
        try:
            code.encode(sys.stdout.encoding or "ascii")
            print(code)
        except UnicodeEncodeError:  # a console without block letters
            pass
    if not page.address.startswith("https"):
        print(
            "Over plain http a browser gives the live camera to this computer alone; a phone\n"
            "takes a photo instead, which goes the same way. With a certificate that the phone\n"
            "trusts (--certificate FILE --key FILE), the phone's camera is live, too."
        )
    print(f"What comes in, {bits} bits at a time:", flush=True)


def print_answer(code: bytes, answers: list) -> None:
    """Print a line for a code that came in."""
    best = answers[0]
    now = time.strftime("%H:%M:%S")
    print(f"  {now}  {code.hex(' ')}  {best.place}, {best.distance} bits away", flush=True)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port between 1 and 65535")
    return int(text)
