"""A pytest plugin that makes strict nbval strict on figures, and fair where it cannot be.

Left alone, nbval skips PNG and JPEG outputs. With this plugin (``pytest -p mvs_lib.course.strict
--nbval``) they are compared, if this is the environment that drew them: the locked versions on
Linux, x86-64, and a processor with AVX-512. Elsewhere the same figure has other pixels, and the
comparison leaves out the pixels and the colouring of shown source; alt texts, plotted data, the
checksums of photos and the source's text remain. Without AVX-512, NumPy rounds some functions
otherwise, and a point of a curve may lie a pixel away.

It touches nbval's collectors only, so that other tests run the same with it or without.
"""

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

__all__ = ["deviations", "rounding"]

DRAWERS = ("matplotlib", "numpy", "pillow", "pygments")  # what decides a figure's bytes
PICTURES = ("image/png", "image/jpeg")
VECTORS = "X86_V4"  # NumPy's name for AVX-512
REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
NEUTRAL = {
    r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]+": "PICTURE",
    r'(?s)<div class="mvs-source".*?</pre></div>': "SOURCE",
}


def deviations(requirements: Path = REQUIREMENTS) -> list[str]:
    """Say how this environment differs from the one that draws the committed figures."""
    found = []
    if sys.platform != "linux" or platform.machine() != "x86_64":
        found.append(f"{sys.platform} {platform.machine()} (figures are drawn on linux x86_64)")
    if not requirements.exists():
        return [*found, f"{requirements.name} is missing"]
    text = requirements.read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, flags=re.MULTILINE))
    for name in DRAWERS:
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "missing"
        if installed != locked.get(name):
            found.append(f"{name} {installed} (locked: {locked.get(name, 'not at all')})")
    from matplotlib import ft2font

    if ft2font.__freetype_build_type__ != "local":  # a distribution's own FreeType draws otherwise
        found.append(f"FreeType {ft2font.__freetype_version__} of the system, not matplotlib's own")
    return found


def rounding() -> list[str]:
    """Say how this processor rounds otherwise than those that draw the committed figures."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return [] if VECTORS in found else ["a processor without AVX-512 rounds otherwise"]


def pytest_collectstart(collector):
    """Compare pictures where they are drawn the same; leave their pixels out elsewhere."""
    if not hasattr(collector, "skip_compare") or not hasattr(collector, "sanitize_patterns"):
        return
    if deviations() or rounding():
        collector.sanitize_patterns.update(NEUTRAL)
    else:
        collector.skip_compare = tuple(k for k in collector.skip_compare if k not in PICTURES)
