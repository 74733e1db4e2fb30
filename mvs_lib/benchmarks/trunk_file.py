"""Where a benchmark keeps the training state of a trunk."""

from pathlib import Path

from mvs_lib import paths
from mvs_lib.benchmarks import kept_code

__all__ = ["trunk_file"]


def trunk_file(benchmark: str, seed: int, *about) -> Path:
    """Return where the training state of a trunk lies; other settings, another file."""
    name = f"trunk-{seed}-{kept_code.key(about)}.safetensors"
    return paths.cache() / f"bench-{benchmark}" / name
