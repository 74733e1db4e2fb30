"""Photos as another hand would have taken them: random views for training. See notebook 03.

Mirror images are left out on purpose: a mirrored sign, or a mirrored building, is another place.
"""

import numpy as np
import torch
from torch.nn import functional

__all__ = ["Augmentation"]


class Augmentation:
    """Random rotation, zoom, shift, light, colour and a covered patch, different for each photo.

    Args:
        rotation: largest turn, degrees either way.
        zoom: largest relative change of scale either way.
        shift: largest shift, as a share of the photo's side.
        light: largest relative change of brightness and of contrast.
        colour: largest relative change of one channel against the others.
        erase: side of a grey square that covers part of the photo, as a share of its side.

    All draws come from the NumPy generator that the caller passes, so that a seed fixes them on
    every machine.
    """

    def __init__(self, rotation=14.0, zoom=0.22, shift=0.1, light=0.35, colour=0.08, erase=0.35):
        self.rotation, self.zoom, self.shift = rotation, zoom, shift
        self.light, self.colour, self.erase = light, colour, erase

    def __call__(self, images: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        """Return the photos seen anew.

        Args:
            images: float or uint8 ``(n, h, w, 3)`` on the 0..255 scale.
            random: where the draws come from.

        Returns:
            float32 ``(n, h, w, 3)`` on the 0..255 scale, clipped.
        """
        n, side = len(images), images.shape[1]
        x = images.permute(0, 3, 1, 2).float()
        x = functional.grid_sample(
            x,
            functional.affine_grid(self._views(n, random), x.shape, align_corners=False),
            padding_mode="reflection",
            align_corners=False,
        )
        gain = random.uniform(1 - self.light, 1 + self.light, (n, 1, 1, 1))
        gain = gain * random.uniform(1 - self.colour, 1 + self.colour, (n, 3, 1, 1))
        contrast = random.uniform(1 - self.light, 1 + self.light, (n, 1, 1, 1))
        mean = x.mean((1, 2, 3), keepdim=True)
        x = (x - mean) * torch.from_numpy(np.float32(contrast)) + mean
        x = (x * torch.from_numpy(np.float32(gain))).clamp_(0, 255)
        edge = (random.uniform(0, self.erase, n) * side).astype(int)
        corner = (random.random((n, 2)) * (side - edge)[:, None]).astype(int)
        for i in np.flatnonzero(edge):
            top, left = corner[i]
            x[i, :, top : top + edge[i], left : left + edge[i]] = 118.0
        return x.permute(0, 2, 3, 1)

    def _views(self, n: int, random: np.random.Generator) -> torch.Tensor:
        angle = np.deg2rad(random.uniform(-self.rotation, self.rotation, n))
        scale = np.exp(random.uniform(-1, 1, n) * np.log1p(self.zoom))
        matrix = np.empty((n, 2, 3), np.float32)
        matrix[:, 0, 0] = matrix[:, 1, 1] = scale * np.cos(angle)
        matrix[:, 1, 0] = scale * np.sin(angle)
        matrix[:, 0, 1] = -matrix[:, 1, 0]
        matrix[:, :, 2] = random.uniform(-2 * self.shift, 2 * self.shift, (n, 2))
        return torch.from_numpy(matrix)
