"""What the loop and the network ask of a trunk, besides its forward pass."""

from typing import ClassVar

import numpy as np
from torch import nn

__all__ = ["Trunk"]


class Trunk(nn.Module):
    """Normalised photos ``(n, 3, h, w)`` in, feature vectors ``(n, features)`` out.

    Attributes:
        MEAN, STD: what photos are normalised with, RGB, on the 0..255 scale; natural photos'.
        orthogonal: whether its kernels may be trained by `mvs_lib.deep.muon.Muon`, which sets
            their norm: True only if a normalisation follows each.
        features: length of the feature vector; set by ``__init__``.
    """

    MEAN: ClassVar[tuple[float, ...]] = (118.0, 120.0, 115.0)
    STD: ClassVar[tuple[float, ...]] = (62.0, 61.0, 66.0)
    orthogonal: ClassVar[bool] = True
    features: int

    @property
    def ready(self) -> bool:
        """Whether it may be trained: False before `initialise` if the trunk depends on that."""
        return True

    def initialise(self, images: np.ndarray, seed: int) -> None:
        """Set the weights that no random draw gives; does nothing unless overridden.

        A checkpoint holds these weights too, so that loading one never calls this.

        Args:
            images: the training photos, uint8 ``(n, h, w, 3)``.
            seed: of what is drawn from them.
        """
