import os
import subprocess
import sys

import numpy as np

from mvs_lib.features import gist
from mvs_lib.features.global_descriptor import COLOUR_WEIGHT, colour_layout, describe


def test_is_unit_gist_beside_colour():
    images = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), dtype=np.uint8)
    described, edges = describe(images), gist.describe(images)
    np.testing.assert_allclose(np.linalg.norm(described[:, :512], axis=1), 1, rtol=1e-5)
    length = np.linalg.norm(edges, axis=1, keepdims=True)
    np.testing.assert_allclose(described[:, :512] * length, edges, rtol=1e-5)
    np.testing.assert_allclose(described[:, 512:], COLOUR_WEIGHT * colour_layout(images))


def test_colour_layout_of_plain_colours():
    image = np.zeros((1, 128, 128, 3), np.uint8)
    image[:, :32, :32] = (200, 0, 0)
    image[:, :32, 32:64] = (0, 80, 0)
    image[:, 96:, 96:] = (0, 0, 255)
    image[:, 64:96] = 77
    red_green, blue = colour_layout(image).reshape(2, 4, 4)
    expected = np.zeros((2, 4, 4))
    expected[:, 0, 0], expected[:, 0, 1], expected[:, 3, 3] = (1, -1), (-1, -1), (0, 2)
    np.testing.assert_allclose([red_green, blue], expected, atol=1e-6)


def test_colour_layout_ignores_the_brightness():
    image = np.random.default_rng(0).integers(0, 60, (1, 128, 128, 3), dtype=np.uint8)
    np.testing.assert_allclose(colour_layout(4 * image), colour_layout(image), atol=1e-5)


def test_an_old_processor_gives_the_same_numbers():
    code = (
        "import hashlib, numpy as np; from mvs_lib.features import global_descriptor; "
        "images = np.random.default_rng(0).integers(0, 256, (32, 128, 128, 3), np.uint8); "
        "print(hashlib.sha256(global_descriptor.describe(images)).hexdigest())"
    )
    # Without the wide registers, NumPy and its linear algebra add up in another order.
    old = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4", "OPENBLAS_CORETYPE": "Prescott"}
    said = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, **more},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for more in ({}, old)
    ]
    assert said[0] == said[1]
