"""Photos for the phone, and the files it would make of them."""

import io

import numpy as np
from PIL import Image


def photos(n, size=32, seed=0):
    """Photos of random colour patches, smooth enough to differ in more than noise."""
    random = np.random.default_rng(seed)
    patches = random.integers(0, 256, (n, 4, 4, 3)).repeat(size // 4, 1).repeat(size // 4, 2)
    noise = random.integers(-40, 41, patches.shape)
    return np.clip(patches + noise, 0, 255).astype(np.uint8)


def jpeg(image, quality=90):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return file.getvalue()
