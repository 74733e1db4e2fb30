"""Small recognisers, and the files a phone would send them."""

import io

import numpy as np
from PIL import Image

from mvs_lib.codes import pack
from mvs_lib.search.linear import LinearIndex
from mvs_lib.service.recognizer import Recognizer


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def with_codes(bits, codes, labels):
    """A recogniser whose source photos have these codes."""
    self = Recognizer(bits=bits)
    self.index_ = LinearIndex(bits)
    self.index_.add(pack(codes))
    self.labels_ = np.asarray(labels, np.int64)
    self.names_ = tuple(f"place {label}" for label in range(int(max(labels)) + 1))
    return self
