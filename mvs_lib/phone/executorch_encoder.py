"""A second runtime for the phone's encoder: ExecuTorch with XNNPACK. Optional; see notebook 08.

ONNX Runtime is this course's phone: it needs no torch and its interface is stable. ExecuTorch is
PyTorch's own way to phones (https://docs.pytorch.org/executorch/1.5), with the kernels of XNNPACK.
What the two must agree on are the bits of the codes. It comes with the extra ``[executorch]``; its
Python runtime imports torch, so here it is no process without torch as a phone would run it.
"""

import contextlib
import hashlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from mvs_lib.phone.pixels import checked_pixels

__all__ = ["ExecuTorchEncoder", "import_runtime", "quietly", "seal"]

_SEAL = b"MVS-PTE1"  # behind the program, before the checksum of all in front of it
_LENGTH = len(_SEAL) + 32


def seal(program: bytes) -> bytes:
    """Return the 40 bytes that, put behind a ``.pte`` program, hold its SHA-256.

    ExecuTorch reads a program from the front and never meets them. It would not notice a weight
    that has changed, and some altered programs make it abort, which ends the whole process.
    """
    return _SEAL + hashlib.sha256(program).digest()


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Use ExecuTorch without its notes to developers; say what to install where it is missing.

    Raises:
        ImportError: a package of the extra ``[executorch]`` is missing (then a
            ModuleNotFoundError), or does not fit this torch.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")  # "this API is experimental", at each import
            yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the package {error.name or 'executorch'!r} is missing, which the extra [executorch] "
            'brings: pip install -e ".[executorch]" in the course\'s folder',
            name=error.name,
        ) from None
    except ImportError as error:  # its libraries are linked against one version of torch
        raise ImportError(
            f"ExecuTorch does not fit the torch that is installed ({error}): "
            'pip install -e ".[executorch]" in the course\'s folder brings the two that do',
            name=error.name,
        ) from None
    finally:
        logging.disable(before)


def import_runtime():
    """Return ExecuTorch's runtime, set to one thread. This holds for the whole process.

    Raises:
        ImportError: see `quietly`.
    """
    with quietly():
        from executorch.extension.pybindings import portable_lib
        from executorch.runtime import Runtime

        if portable_lib._threadpool_get_thread_count() != 1:
            portable_lib._unsafe_reset_threadpool(1)  # unsafe while a network runs
        return Runtime.get()


class ExecuTorchEncoder:
    """An exported encoder, run by ExecuTorch on one thread, one photo at a time.

    Args:
        path: a ``.pte`` file written by `mvs_lib.phone.executorch_export.export_pte`.

    Attributes:
        bits: length of the code.
        size: side of the photo in pixels.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not an encoder that this course exported, or damaged.
        ImportError: see `quietly`.
    """

    def __init__(self, path: str | Path):
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no encoder file {path}: export one with export_pte()")
        content = path.read_bytes()
        program, end = content[:-_LENGTH], content[-_LENGTH:]
        if not end.startswith(_SEAL):  # cut off, or foreign: not to be given to C++
            raise ValueError(
                f"{path} is not an encoder of this course, or cut off: export it again with "
                "export_pte()"
            )
        if end != seal(program):
            raise ValueError(
                f"{path} was altered: its checksum does not fit; export it again with export_pte()"
            )
        runtime = import_runtime()
        try:
            with quietly():
                self._program = runtime.load_program(program)  # keeps the bytes alive
                self._network = self._program.load_method("forward")
                self.bits, self.size = (
                    int(self._program.load_method(name).execute(())[0]) for name in ("bits", "size")
                )
        except Exception as error:  # ExecuTorch's errors share no base class
            raise ValueError(
                f"{path} is not an encoder of this course ({type(error).__name__}): export it "
                "again with export_pte()"
            ) from None

    def encode_pixels(self, images: np.ndarray, progress: bool = False) -> np.ndarray:
        """Return codes, uint8 ``(n, ceil(bits / 8))``, for photos, uint8 ``(n, size, size, 3)``.

        Raises:
            ValueError: other shape or dtype.
        """
        images = checked_pixels(images, self.size)
        codes = np.empty((len(images), (self.bits + 7) // 8), np.uint8)
        for index in tqdm(range(len(images)), "encode", disable=not progress, leave=False):
            photo = torch.from_numpy(images[index : index + 1].copy())  # writable, in one piece
            codes[index] = self._network.execute((photo,))[0].numpy()
        return codes
