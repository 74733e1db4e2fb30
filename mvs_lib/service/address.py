"""Where a phone finds the page: this machine's address in its network, and a QR code of it."""

import io
import socket

import segno

__all__ = ["in_network", "qr_svg", "qr_text"]


def in_network() -> str | None:
    """Return this machine's IPv4 address in the local network, or None if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: this asks the system which of its addresses it would send from.
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith(("127.", "0.")) else address


def qr_svg(url: str, module: int = 4) -> str:
    """Return a QR code of an address as an ``<svg>`` element, for a notebook or a page.

    Args:
        url: what a phone's camera is to open.
        module: side of a module (one of the small squares) in pixels.
    """
    code = segno.make(url, micro=False)
    label = f"QR code of {url}"
    return code.svg_inline(scale=module, dark="#000", light="#fff", title=label)


def qr_text(url: str) -> str:
    """Return a QR code of an address for a terminal, two modules a letter, dark on light."""
    text = io.StringIO()
    segno.make(url, micro=False).terminal(text, compact=True)
    return text.getvalue()
