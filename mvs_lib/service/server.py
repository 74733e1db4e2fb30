"""The server's half of the phone page: the page itself, the encoder, and the answer to a code.

A phone sends nothing but code bytes (``POST /recognize``); photos never come here. Every reply
forbids the browser to ask another host. See notebook 08.
"""

import asyncio
import mimetypes
import time
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from mvs_lib.codes import bytes_per_code
from mvs_lib.service.recognizer import Answer, Recognizer

__all__ = ["application"]

WEB = Path(__file__).with_name("web")
CODE = "application/octet-stream"
LARGEST = 1024  # bytes of a request's body: far more than any code
PATIENCE = 10  # seconds for a body to come
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # kept by the browser, but asked for anew: 304 costs little
}
# Windows takes these from its registry, where other programs may have changed them.
for _type, _suffix in (("text/javascript", ".js"), ("text/javascript", ".mjs"),
                       ("application/wasm", ".wasm"), ("text/css", ".css")):  # fmt: skip
    mimetypes.add_type(_type, _suffix)


def application(
    recognizer: Recognizer,
    encoder: Path,
    runtime: Path,
    k: int = 10,
    heard: Callable[[bytes, list[Answer]], None] | None = None,
) -> FastAPI:
    """Return the web application; any ASGI server can run it.

    Args:
        recognizer: fitted; it answers the codes.
        encoder: the ``.onnx`` file of this recogniser, which the page runs.
        runtime: the folder from `mvs_lib.service.browser_runtime.folder`.
        k: how many nearest source photos vote.
        heard: called with each code and its answers, such as to print them.
    """
    # FastAPI's own documentation pages would be loaded from another host.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    about = {
        "bits": recognizer.bits,
        "bytes": bytes_per_code(recognizer.bits),
        "size": recognizer.encoder_.size,
        "places": len(set(recognizer.labels_.tolist())),
        "photos": len(recognizer.labels_),
    }

    def search(code: bytes) -> tuple[list[Answer], float]:
        start = time.perf_counter()
        answers = recognizer.recognize_code(code, k)
        return answers, 1000 * (time.perf_counter() - start)

    search(bytes(about["bytes"]))  # the first search sets up what the next ones find ready

    @app.middleware("http")
    async def guard(request: Request, call_next):
        reply = await call_next(request)
        reply.headers.update(HEADERS)
        return reply

    @app.get("/about.json")
    async def tell_about():
        return about

    @app.get("/encoder.onnx")
    async def give_encoder():
        return FileResponse(encoder, media_type="application/octet-stream")

    @app.post("/recognize")
    async def recognize(request: Request):
        try:
            code = await asyncio.wait_for(_code(request), PATIENCE)
            answers, search_ms = await run_in_threadpool(search, code)
        except _Refused as error:
            return JSONResponse({"error": str(error)}, error.status)
        except ValueError as error:  # the recogniser's own words
            return JSONResponse({"error": str(error)}, 400)
        except ClientDisconnect:
            return JSONResponse({"error": "the code was cut off"}, 400)
        except TimeoutError:
            return JSONResponse({"error": f"no whole code came in {PATIENCE} s"}, 408)
        if heard:
            heard(code, answers)
        best, *others = answers
        return {
            "place": best.place,
            "distance": best.distance,
            "alternatives": [
                {"place": each.place, "distance": each.distance, "votes": each.votes}
                for each in others
            ],
            "search_ms": search_ms,
        }

    app.mount("/runtime", StaticFiles(directory=runtime))
    app.mount("/", StaticFiles(directory=WEB, html=True))
    return app


class _Refused(Exception):
    """A request that is none of the page's; with its HTTP status."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


async def _code(request: Request) -> bytes:
    """Return the body of a request, which must be short and called bytes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CODE:
        raise _Refused(415, f"send a code's bytes as {CODE}, not as {kind or 'nothing'}")
    too_large = _Refused(413, f"a code is no longer than {LARGEST} bytes: photos stay on the phone")
    if int(request.headers.get("content-length") or 0) > LARGEST:
        raise too_large
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise too_large
    return body
