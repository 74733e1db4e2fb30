"""A drawn photo is the same, bit for bit, on processors with and without vector instructions.

`CAMPUS` is the digest of all photos of this version, for whoever's figures differ from the stored
ones: do the photos? After a change that raises `campus.VERSION`, run this file with ``--all``.
"""

import hashlib
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.datasets import campus
from mvs_lib.datasets.campus_scene import build_scene
from mvs_lib.datasets.campus_shot import draw, draw_shot
from mvs_lib.datasets.same_rounding import exponential, filtered, product, whole_power

PLACES, PHOTOS = (0, 9, 54, 126), 6  # sun, clouds, fog, rain, glass and night are among them
# place and number of photos in which a pixel once hung on OpenBLAS's or OpenCV's choice of sums
ONCE_DIFFERENT = ((0, 17), (1, 34), (4, 3), (7, 0), (7, 35), (8, 37), (9, 14), (14, 8))
CAMPUS = "cec2876ce6eb4cdc"
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
    for place, k in ONCE_DIFFERENT:
        scene = build_scene(place)
        photos.append(draw(scene, draw_shot(scene, 0, k)))
    return [zlib.crc32(photo.tobytes()) for photo in photos]


def whole_campus():
    """Return the digest of all photos of the campus, source and query."""
    split = campus.load(progress=False)
    digest = hashlib.blake2b(split.source.images.data, digest_size=8)
    digest.update(split.query.images.data)
    return digest.hexdigest()


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
    assert len(here) == len(plain) == len(PLACES) * PHOTOS + len(ONCE_DIFFERENT) + 1
    if "X86_V4" in FOUND:
        assert here[0] != plain[0]  # so a function of NumPy did round otherwise
    assert here[1:] == plain[1:]


@pytest.mark.skipif("X86_V3" not in FOUND, reason="one photo of 8,062 differs without AVX2")
def test_the_whole_campus_is_the_one_that_the_notebooks_were_built_on():
    assert whole_campus() == CAMPUS, "other photos, so other figures: see this file's first lines"


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 5))
def test_a_product_is_the_matrix_product(seed, inner, columns):
    random = np.random.default_rng(seed)
    rows = random.integers(-1000, 1000, (7, 3, inner)).astype(np.float32)
    for shape in ((inner, columns), (7, inner, columns), (inner,)):
        matrix = random.integers(-1000, 1000, shape).astype(np.float32)
        found = product(rows, matrix)  # whole numbers this small leave nothing to round
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, rows @ matrix)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 8))
def test_filtered_is_the_sum_over_the_kernel_rounded_once(seed, size, reach):
    random = np.random.default_rng(seed)
    photo = random.integers(0, 256, (reach + size, reach + size, 3), dtype=np.uint8)
    kernel = random.random((2 * reach + 1,) * 2)
    kernel /= kernel.sum()
    padded = np.pad(photo, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, axis=(0, 1))
    exact = np.einsum("hwcij,ij->hwc", windows.astype(np.longdouble), kernel)
    found = filtered(photo, kernel)
    assert found.dtype == np.uint8
    assert np.abs(found - exact).max() <= 0.5 + 1e-9


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
    if "--all" in sys.argv:
        sys.exit(whole_campus())
    powers = np.linspace(0, 1, 4096, dtype=np.float32) ** 5
    print(zlib.crc32(powers.tobytes()), *checksums())
