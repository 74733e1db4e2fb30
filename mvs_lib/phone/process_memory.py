"""What the operating system says of this process's memory, and of a file's pages in memory.

Linux only (``/proc/self/status``); elsewhere `status` is None and `forget` False. Three numbers
matter. ``VmRSS`` is what is in memory now, ``VmHWM`` the most that ever was since `reset_peak`, and
``RssAnon`` the part of ``VmRSS`` that lies in no file. Pages of a mapped file count in the first
two as long as they are mapped, though the system could take them back at any time; they do not
count in ``RssAnon``. See notebook 08.
"""

import os
from pathlib import Path

__all__ = ["forget", "reset_peak", "status"]


def status(name: str) -> int | None:
    """Return a line of ``/proc/self/status`` in bytes; None where there is no such line."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return None


def reset_peak() -> None:
    """Set the high-water mark ``VmHWM`` back to what is in memory now, where that can be done."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def forget(path: str | Path) -> bool:
    """Drop a file from the system's page cache; return whether its middle is gone.

    Pages that a process has mapped and touched stay.

    Raises:
        FileNotFoundError: no such file.
    """
    with open(path, "rb") as file:
        if not (hasattr(os, "posix_fadvise") and hasattr(os, "preadv")):
            return False
        os.fsync(file.fileno())  # what is not yet on the disk cannot be dropped
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        middle = os.fstat(file.fileno()).st_size // 2
        try:
            os.preadv(file.fileno(), [bytearray(1)], middle, getattr(os, "RWF_NOWAIT", 0))
            return False
        except BlockingIOError:  # it would have to wait for the disk
            return True
        except OSError:  # the file system cannot tell
            return False
