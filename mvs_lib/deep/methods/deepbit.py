"""DeepBit: binary descriptors without any label. Taught in notebook 05.

Lin, Lu, Chen, Zhou (2016), "Learning compact binary descriptors with unsupervised deep neural
networks", CVPR. With F(x_n) the hash layer's real values of photo n, b_n = (sgn F(x_n) + 1) / 2 its
bits, and R_theta a rotation of the photo,

    L  = alpha L1 + beta L2 + gamma L3
    L1 = (1/(N K)) sum_n ||(b_n - 1/2) - F(x_n)||^2               little is lost by the signs
    L2 = (1/K) sum_k (mean_n b_nk - 1/2)^2                     half of the photos on, each bit
    L3 = (1/(N K)) sum_n sum_theta C(theta) ||F(x_n) - F(R_theta x_n)||^2   the same bits, turned
    C(theta) = exp(-(theta / 5 degrees)^2 / 2),    theta in {-10, -5, 5, 10} degrees

(theta = 0 adds nothing). The averages are ours, the weights those of the authors' released network
(1, 1 and .001), whose layers do not average as ours do. A bit has no derivative; for L2 it is
either the step whose gradient is passed straight through, as if b were F, or the soft code
sigmoid(F): our two realisations. b in L1 is a constant.

Two traps. L1 is smallest, 0, for the same code everywhere too: without L2, on batches large enough
to know a mean, the bits collapse. And the released CPU layers of L1 and L2 give every unit one and
the same gradient, the sum of all differences, so that figures found with them are of another loss.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
import torch

from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.network import Outputs

__all__ = ["ANGLES", "DeepBit", "DeepBitTerms", "rotated", "rotation_weight"]

ANGLES = (-10, -5, 5, 10)  # degrees
WIDTH = 5.0  # degrees, of C


class DeepBitTerms(NamedTuple):
    """The weighted total and the three terms before weighting, each a scalar."""

    total: torch.Tensor
    quantization: torch.Tensor  # L1
    evenness: torch.Tensor  # L2, between 0 and 1/4 (all photos have the same code)
    rotation: torch.Tensor  # L3


class DeepBit(Method):
    """Small quantisation loss, even bits, bits that do not turn with the photo.

    Args:
        alpha, beta, gamma: weights of L1, L2, L3.
        code: what L2 takes for a bit: ``"straight"``, the bit itself, its gradient passed straight
            through; or ``"soft"``, the sigmoid.

    Raises:
        ValueError: a negative weight, or another code.
    """

    source = "Lin et al., 2016"
    group, supervision = GROUPS[1], "nothing"
    published_trunk = "VGG-16"
    several_labels = True

    def __init__(
        self, alpha: float = 1.0, beta: float = 1.0, gamma: float = 0.001, code: str = "straight"
    ):
        super().__init__()
        if not min(alpha, beta, gamma) >= 0:
            raise ValueError(f"weights must be >= 0, got {alpha}, {beta}, {gamma}")
        if code not in ("straight", "soft"):
            raise ValueError(f"code must be 'straight' or 'soft', got {code!r}")
        self.alpha, self.beta, self.gamma, self.code = alpha, beta, gamma, code

    def views(self, images: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return the photos, then each of them turned by each of `ANGLES`: five views."""
        return np.concatenate([images, *(rotated(images, angle) for angle in ANGLES)])

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> DeepBitTerms:
        """Return the terms of a batch, scalars.

        Args:
            outputs: of the ``5 n`` photos that `views` made.
            labels: ``(n,)``; only counted, never looked at.

        Raises:
            ValueError: not five outputs for each label.
        """
        rows, n = len(outputs.projection), len(labels)
        if rows != n * (1 + len(ANGLES)):
            raise ValueError(
                f"DeepBit needs {1 + len(ANGLES)} views of each photo, got {rows} outputs for "
                f"{n} labels: show the network views(images, random)"
            )
        upright, *turned = outputs.projection.split(n)
        bits = (upright >= 0).to(upright.dtype)
        l1 = ((bits - 0.5) - upright).square().mean()
        if self.code == "soft":
            code = torch.sigmoid(upright)
        else:
            code = bits + upright - upright.detach()
        l2 = (code.mean(0) - 0.5).square().mean()
        l3 = sum(
            rotation_weight(angle) * (upright - other).square().mean()
            for angle, other in zip(ANGLES, turned, strict=True)
        )
        return DeepBitTerms(self.alpha * l1 + self.beta * l2 + self.gamma * l3, l1, l2, l3)


def rotation_weight(angle: float) -> float:
    """Return C of an angle in degrees: 1 for none, the less the further the photo is turned.

    >>> round(rotation_weight(5), 4), round(rotation_weight(-10), 4)
    (0.6065, 0.1353)
    """
    return math.exp(-((angle / WIDTH) ** 2) / 2)


def rotated(images: np.ndarray, angle: float) -> np.ndarray:
    """Turn photos about their centre.

    Args:
        images: uint8 ``(n, h, w, 3)``; they are not changed.
        angle: degrees, counter-clockwise as one looks at the photo.

    Returns:
        uint8 ``(n, h, w, 3)``. The corners mirror the photo: black ones would tell the angle.
    """
    height, width = images.shape[1:3]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    seen = np.empty_like(images)
    for photo, place in zip(images, seen, strict=True):
        place[:] = cv2.warpAffine(
            photo, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
    return seen
