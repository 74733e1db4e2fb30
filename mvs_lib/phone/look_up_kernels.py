"""A layer as plain loops: by multiplying, and by looking up. See notebook 07.

Wu, Leng, Wang, Hu, Cheng (2016), "Quantized convolutional neural networks for mobile devices". Both
kernels walk a layer in the same order, and the innermost loop of both runs over the outputs of a
pixel, so that they differ in one thing alone: ``multiplied`` adds a product there, ``looked_up`` an
entry of the pixel's table. (`mvs_lib.compress.quantized_cnn` has the equations, and the same layer
for a network.) Whether the compiler may use vector instructions is up to the process, see
`mvs_lib.phone.look_up_timing`.

A linear layer is a convolution of one pixel by one. Groups are layers of their own.
"""

import numba
import numpy as np

__all__ = ["looked_up", "multiplied"]


@numba.njit(error_model="numpy")
def multiplied(photo, weights, kernel, stride, said):
    """Add a convolution to what is said so far.

    Args:
        photo: float32 ``(h, w, C)``, with its border.
        weights: float32 ``(d d, C, T)``.
        kernel, stride: d, and the pixels between two outputs.
        said: float32 ``(H, W, T)``, changed.
    """
    for row in range(said.shape[0]):
        for column in range(said.shape[1]):
            here = said[row, column]
            for place in range(kernel * kernel):
                pixel = photo[row * stride + place // kernel, column * stride + place % kernel]
                for channel in range(pixel.shape[0]):
                    value, line = pixel[channel], weights[place, channel]
                    for output in range(here.shape[0]):
                        here[output] += value * line[output]


@numba.njit(error_model="numpy")
def looked_up(photo, codebooks, labels, kernel, stride, said):
    """Do the same by tables: every pixel's products with all codewords, computed once.

    Args:
        photo: float32 ``(h, w, M C')``, with its border.
        codebooks: float32 ``(M, C', K)``.
        labels: uint8 ``(d d, M, T)``.
        kernel, stride, said: as above.
    """
    pieces, length, words = codebooks.shape
    tables = np.zeros((photo.shape[0], photo.shape[1], pieces, words), np.float32)
    for row in range(photo.shape[0]):
        for column in range(photo.shape[1]):
            for piece in range(pieces):
                table = tables[row, column, piece]
                for channel in range(length):
                    value = photo[row, column, piece * length + channel]
                    line = codebooks[piece, channel]
                    for word in range(words):
                        table[word] += value * line[word]
    for row in range(said.shape[0]):
        for column in range(said.shape[1]):
            here = said[row, column]
            for place in range(kernel * kernel):
                of_pixel = tables[row * stride + place // kernel, column * stride + place % kernel]
                for piece in range(pieces):
                    table, names = of_pixel[piece], labels[place, piece]
                    for output in range(here.shape[0]):
                        here[output] += table[names[output]]
