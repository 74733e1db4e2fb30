"""A network learns to say what another one says: distillation. Used in notebook 07.

Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network", section 2: what a
trained network says of a photo, in shades, teaches more than the photo's label. Here it speaks in
bits, so that a photo's soft targets are the probabilities t_nk of its K latent units; and as Romero
et al. (2015), "FitNets", Eq. 3, the student is told the layer before as well, the vector v_n:

    L  = alpha E1 + beta E2
    E1 = -(1/(N K)) sum_n sum_k (t_nk ln a_nk + (1 - t_nk) ln(1 - a_nk))       say the same bits
    E2 = (1/N) sum_n |f_n - v_n|^2 / V,  V = (1/M) sum_m |v_m - mean v|^2      and for one reason

with a and f of the student, M all photos. No label is needed. It is what a compressed network
wants: the codes in the database stay as they are. The teacher is asked once for every photo, as it
is; the student sees it moved, mirrored, or smaller, and shall say the same.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from mvs_lib.deep.network import HashNetwork, Outputs

__all__ = ["Distillation", "DistillationTerms"]


class DistillationTerms(NamedTuple):
    """The weighted total and the two terms before weighting, each a scalar."""

    total: torch.Tensor
    bits: torch.Tensor  # E1
    features: torch.Tensor  # E2: 1 for a student that says the mean of all photos


class Distillation(nn.Module):
    """A loss for `mvs_lib.deep.training.train`: the student says what the teacher said.

    Args:
        teacher: on whichever device it lies; put in evaluation mode and left as it was found.
        images: uint8 ``(m, h, w, 3)``, the photos that the student will learn from, in their order.
        alpha, beta: weights of E1 and E2.
        batch_size: how many photos pass through the teacher at once.
        progress: show a progress bar.

    Attributes:
        latent: what the teacher said, float32 ``(m, bits)`` in (0, 1).
        features: its vectors, float32 ``(m, features)``.

    Raises:
        ValueError: a negative weight, no photos, or photos of another shape.
    """

    uses_index = True

    def __init__(
        self, teacher: HashNetwork, images: np.ndarray, alpha: float = 2.0, beta: float = 1.0,
        batch_size: int = 500, progress: bool = True,
    ):  # fmt: skip
        super().__init__()
        if min(alpha, beta) < 0:
            raise ValueError(f"weights must be >= 0, got {alpha} and {beta}")
        if not len(images):
            raise ValueError("distillation needs photos, got none")
        self.alpha, self.beta = alpha, beta
        device, training = next(teacher.parameters()).device, teacher.training
        latent, features = [], []
        teacher.eval()
        starts = range(0, len(images), batch_size)
        with torch.no_grad():
            for first in tqdm(starts, desc="ask the teacher", disable=not progress):
                batch = torch.from_numpy(images[first : first + batch_size]).to(device)
                said = teacher(batch)
                latent.append(said.latent)
                features.append(said.features)
        teacher.train(training)
        self.register_buffer("latent", torch.cat(latent))
        self.register_buffer("features", torch.cat(features))
        spread = (self.features - self.features.mean(0)).square().sum(1).mean()
        self.register_buffer("spread", spread.clamp(min=1e-12))

    def forward(
        self, outputs: Outputs, labels: torch.Tensor, index: torch.Tensor
    ) -> DistillationTerms:
        """Return the terms of a batch, scalars; ``index``, int64 ``(n,)``, are its photos' places.

        Raises:
            ValueError: the student has codes or vectors of another length.
        """
        for name, said in (("bits", self.latent), ("features", self.features)):
            got = outputs.projection if name == "bits" else outputs.features
            if got.shape[1] != said.shape[1]:
                raise ValueError(
                    f"the student has {got.shape[1]} {name} and the teacher {said.shape[1]}"
                )
        bits = functional.binary_cross_entropy_with_logits(outputs.projection, self.latent[index])
        apart = (outputs.features - self.features[index]).square().sum(1).mean()
        features = apart / self.spread
        return DistillationTerms(self.alpha * bits + self.beta * features, bits, features)
