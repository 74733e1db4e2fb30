"""The simulated phone: the encoder in a process of its own, which never loads torch.

Image bytes go in through a pipe, code bytes come out; nothing else is shared, just as between a
phone and a server. See notebook 10.

The wire, both ways little-endian: a request is a uint32 length and that many bytes of an image
file; a reply is a status byte (0 answered, 1 refused), a uint32 length and that many bytes: the
code followed by two float64 (decode and network milliseconds), or the reason in UTF-8.
"""

import signal
import struct
import subprocess
import sys
from pathlib import Path

from mvs_lib.codes import bytes_per_code
from mvs_lib.phone.encoder import Encoded, Encoder

__all__ = ["PhoneEncoder"]


class PhoneEncoder:
    """A running phone. Use it in a ``with`` statement, or call `close`.

    Args:
        path: an ``.onnx`` file written by `mvs_lib.phone.export.export_onnx`.

    Attributes:
        bits: length of the code.
        size: side in pixels to which the phone brings a photo.

    Raises:
        ValueError: the process could not load the file; the message says why.
        RuntimeError: the process could not start.
    """

    def __init__(self, path: str | Path):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mvs_lib.phone.process", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            self.bits, self.size = struct.unpack("<II", self._receive())
        except BaseException:
            self.close()
            raise

    def encode(self, image: bytes) -> Encoded:
        """Return the code of an image file's bytes; see `Encoder.encode`.

        Raises:
            ValueError: the phone refused the photo (unreadable, empty, too large).
            RuntimeError: the process is gone.
        """
        try:
            self._send(image)
            answer = self._receive()
        except ValueError:  # refused: the phone is ready for the next photo
            raise
        except BaseException:  # an answer may be under way, and must not be taken for the next one
            self.close()
            raise
        width = bytes_per_code(self.bits)
        return Encoded(answer[:width], *struct.unpack("<dd", answer[width:]))

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> "PhoneEncoder":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _send(self, image: bytes) -> None:
        try:
            self._process.stdin.write(struct.pack("<I", len(image)) + image)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):  # ended by itself, or closed by us
            raise RuntimeError("the phone process has ended: start a new PhoneEncoder") from None

    def _receive(self) -> bytes:
        header = _read_exactly(self._process.stdout, 5)
        if header is None:
            raise RuntimeError("the phone process has ended: start a new PhoneEncoder")
        status, length = struct.unpack("<BI", header)
        body = _read_exactly(self._process.stdout, length)
        if body is None:
            raise RuntimeError("the phone process ended in the middle of an answer")
        if status:
            raise ValueError(body.decode())
        return body


def _read_exactly(pipe, length: int) -> bytes | None:
    """Return exactly ``length`` bytes, or None where the pipe ends first."""
    data = pipe.read(length)
    return data if len(data) == length else None


def _serve(path: str) -> None:
    """Answer requests from standard input until it ends. This is the phone's whole program."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a notebook's stop button is not meant for it
    requests, answers = sys.stdin.buffer, sys.stdout.buffer

    def reply(status: int, body: bytes) -> None:
        answers.write(struct.pack("<BI", status, len(body)) + body)
        answers.flush()

    try:
        encoder = Encoder(path)
    except (ValueError, FileNotFoundError) as error:
        return reply(1, str(error).encode())
    reply(0, struct.pack("<II", encoder.bits, encoder.size))
    while (header := _read_exactly(requests, 4)) is not None:
        image = _read_exactly(requests, *struct.unpack("<I", header))
        if image is None:
            return None
        try:
            code, *milliseconds = encoder.encode(image)
            reply(0, code + struct.pack("<dd", *milliseconds))
        except ValueError as error:
            reply(1, str(error).encode())


if __name__ == "__main__":
    _serve(sys.argv[1])
