"""A drawn photo is the same, bit for bit, on processors with and without vector instructions."""

import os
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.datasets.campus_scene import build_scene
from mvs_lib.datasets.campus_shot import draw, draw_shot
from mvs_lib.datasets.same_rounding import exponential, whole_power

PLACES, PHOTOS = (0, 9, 54, 126), 6  # sun, clouds, fog, rain, glass and night are among them
FOUND = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
PLAIN = {  # what the libraries read to do without what this processor has
    "NPY_DISABLE_CPU_FEATURES": " ".join(FOUND),
    "OPENCV_IPP": "disabled",
    "OPENCV_CPU_DISABLE": "AVX,FP16,AVX2,AVX512-SKX",
    "OPENBLAS_CORETYPE": "Nehalem",
}


def checksums():
    """Return a checksum of each photo."""
    scenes = [build_scene(place) for place in PLACES]
    photos = [draw(scene, draw_shot(scene, 0, k)) for scene in scenes for k in range(PHOTOS)]
    return [zlib.crc32(photo.tobytes()) for photo in photos]


def printed(**environment):
    """Return what this file prints, run in an environment of its own."""
    run = subprocess.run(
        [sys.executable, __file__], env=os.environ | environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


@pytest.mark.skipif(not FOUND, reason="this processor has nothing to do without")
def test_photos_are_the_same_without_vector_instructions():
    here, plain = printed(), printed(**PLAIN)
    assert len(here) == len(plain) == len(PLACES) * PHOTOS + 1
    if "X86_V4" in FOUND:
        assert here[0] != plain[0]  # so a function of NumPy did round otherwise
    assert here[1:] == plain[1:]


@given(st.floats(-1.5, 1.5, width=32), st.integers(1, 200))
def test_a_whole_power_is_the_power(value, exponent):
    found = whole_power(np.float32([value]), exponent)
    assert found.dtype == np.float32
    with np.errstate(under="ignore"):
        expected = np.float64(np.float32(value)) ** exponent
    np.testing.assert_allclose(found, [expected], rtol=2e-5, atol=1e-37)


def test_an_exponential_is_the_nearest_float():
    values = np.linspace(-20, 5, 5001, dtype=np.float32)
    found, exact = exponential(values), np.exp(values.astype(np.longdouble))
    assert found.dtype == np.float32
    apart = np.abs(found - exact)
    for other in (np.nextafter(found, np.float32(0)), np.nextafter(found, np.float32(np.inf))):
        assert (apart <= np.abs(other - exact)).all()


if __name__ == "__main__":
    powers = np.linspace(0, 1, 4096, dtype=np.float32) ** 5
    print(zlib.crc32(powers.tobytes()), *checksums())
