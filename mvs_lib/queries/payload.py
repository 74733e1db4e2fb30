"""The envelope around whatever a phone sends: who wrote it, and whether it arrived whole.

Three bytes stand around every body: one that names the system which wrote it, and a checksum of 16
bits (CRC-CCITT). They are counted wherever bytes are counted. The length comes with the transport,
as it does in any HTTP request.
"""

import binascii

__all__ = ["OVERHEAD", "PayloadError", "pack", "unpack"]

OVERHEAD = 3  # bytes


class PayloadError(ValueError):
    """A payload that was cut off, altered, or written by another system."""


def pack(system: int, body: bytes) -> bytes:
    """Return ``body`` in its envelope: the system's number, the body, the checksum.

    Args:
        system: 0..255, the number of the system that writes.
        body: any bytes.

    >>> unpack(7, pack(7, b"bits"))
    b'bits'

    Raises:
        ValueError: the number does not fit one byte.
    """
    if not 0 <= system <= 255:
        raise ValueError(f"a system's number lies in 0..255, got {system}")
    head = bytes([system]) + body
    return head + binascii.crc_hqx(head, 0xFFFF).to_bytes(2, "big")


def unpack(system: int, payload: bytes) -> bytes:
    """Return the body of a payload that ``system`` wrote.

    Raises:
        PayloadError: shorter than an envelope, altered on its way (any one burst of up to 16 bits
            is found, any other damage but once in 65,536), or written by another system.
    """
    if len(payload) < OVERHEAD:
        raise PayloadError(f"a payload has at least {OVERHEAD} bytes, got {len(payload)}: resend")
    head, checksum = payload[:-2], int.from_bytes(payload[-2:], "big")
    if binascii.crc_hqx(head, 0xFFFF) != checksum:
        raise PayloadError("the payload was cut off or altered on its way: send it again")
    if head[0] != system:
        raise PayloadError(f"the payload was written by system {head[0]}, not by {system}")
    return bytes(head[1:])
