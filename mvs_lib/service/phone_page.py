"""The phone page, served in the background: of a notebook, of a test, or of the command `serve`.

    with PhonePage(recognizer, encoder) as page:
        print(page.address)      # open it on a phone in the same network
        page.qr_svg()            # or point the phone's camera at this

See notebook 08.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from mvs_lib.service import address, browser_runtime
from mvs_lib.service.recognizer import Answer, Recognizer
from mvs_lib.service.server import application

__all__ = ["PhonePage"]

PORTS = 20  # tried, from the wanted one on
PATIENCE = 20  # seconds for the server to start, and to end


class PhonePage:
    """A running server of the phone page. Use it in a ``with`` statement, or call `close`.

    Args:
        recognizer: fitted; it answers the codes.
        encoder: the ``.onnx`` file of this recogniser.
        host: ``"0.0.0.0"`` for the whole local network, ``"127.0.0.1"`` for this computer only.
        port: the next free one is taken; 0 takes any.
        certificate: a PEM file, so that the page is served over https and phones may use the
            camera live; with ``key``, unless the certificate's file holds the key, too.
        key: the PEM file of the certificate's key.
        heard: called with each code and its answers.

    Attributes:
        port: where it listens.
        address: what a phone in the same network opens; without a network, what this computer does.
        here: what a browser on this computer opens.

    Raises:
        FileNotFoundError: onnxruntime-web was not fetched yet.
        ValueError: the certificate cannot be used.
        OSError: no port is free, or the host is none of this machine's addresses.
        RuntimeError: the server did not start.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        encoder: str | Path,
        host: str = "0.0.0.0",
        port: int = 8000,
        certificate: str | Path | None = None,
        key: str | Path | None = None,
        heard: Callable[[bytes, list[Answer]], None] | None = None,
    ):
        app = application(recognizer, Path(encoder), browser_runtime.folder(), heard=heard)
        check_certificate(certificate, key)
        self._socket = _listen(host, port)
        self.port = self._socket.getsockname()[1]
        scheme = "http" if certificate is None else "https"
        outside = address.in_network() if host in ("0.0.0.0", "") else host
        self.here = f"{scheme}://{'localhost' if host in ('0.0.0.0', '') else host}:{self.port}/"
        self.address = f"{scheme}://{outside}:{self.port}/" if outside else self.here
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",
            lifespan="off",
            ws="none",
            ssl_certfile=certificate,
            ssl_keyfile=key,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="phone page", daemon=True
        )
        self._thread.start()
        began = time.monotonic()
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() - began > PATIENCE:
                self.close()
                raise RuntimeError("the phone page's server did not start: try another port")
            time.sleep(0.01)

    def wait(self) -> None:
        """Wait until the server ends."""
        while self._thread.is_alive():  # in steps, so that Ctrl-C is heard on every system
            self._thread.join(0.5)

    def close(self) -> None:
        """End the server; the port is free then."""
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        self._socket.close()

    def qr_svg(self) -> str:
        """Return a QR code of the address as an ``<svg>`` element."""
        return address.qr_svg(self.address)

    def __enter__(self) -> "PhonePage":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def check_certificate(certificate: str | Path | None, key: str | Path | None) -> None:
    """Refuse a certificate that cannot be used.

    Raises:
        ValueError: a file is missing or no PEM file, the two do not belong together, or there is
            a key alone.
    """
    if certificate is None:
        if key is not None:
            raise ValueError("a key needs its certificate: give both")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except OSError as error:  # of which ssl.SSLError is one
        reason = error.strerror or error
        raise ValueError(
            f"the certificate {certificate} cannot be used ({reason}): give a PEM file, and its key"
        ) from None


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket on the first free port from ``port`` on."""
    for wanted in range(port, min(port + PORTS, 65536)) if port else [0]:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name != "nt":  # there it would let two servers share a port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, wanted))
            made.listen(128)
            return made
        except OSError as error:
            made.close()
            reason = error
    raise OSError(f"no server can listen on {host}, port {port} and up ({reason.strerror})")
