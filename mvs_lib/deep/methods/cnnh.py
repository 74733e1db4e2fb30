"""CNNH and CNNH+: first the codes, then a network that learns to say them. Taught in notebook 04.

Xia, Pan, Lai, Liu, Yan (2014), "Supervised hashing for image retrieval via image representation
learning", AAAI. Stage 1 factorises the pair similarities into codes t_n in {0, 1}^K of the
training photos (`mvs_lib.deep.methods.similarity_codes`). In stage 2 the hash layer's sigmoids a_n
learn these codes, and in CNNH+ the classes y_n too:

    L = alpha E1 + beta E2                                         (CNNH: without E2)
    E1 = -(1/(N K)) sum_n sum_k [t_nk log a_nk + (1 - t_nk) log(1 - a_nk)]       say the code
    E2 = (1/N) sum_n CE(logits_n, y_n)                                           say the class

The averages are ours, so that a weight means the same at any batch size and code length; the
weights are ours too. In the paper the class units of CNNH+ stand beside the code units; the
course's network reads the classes from the code units, which is our realisation.

The trap, and the survey's lesson: a code that stage 1 got wrong is a wrong target for ever, since
no photo was looked at when it was made.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.methods.similarity_codes import fit_codes
from mvs_lib.deep.network import Outputs

__all__ = ["CNNH", "CNNHPlus", "CNNHPlusTerms", "CNNHTerms", "CodeRegression"]


class CNNHTerms(NamedTuple):
    """The weighted total and its term before weighting, each a scalar."""

    total: torch.Tensor
    code: torch.Tensor  # E1, log 2 for a network that says nothing


class CNNHPlusTerms(NamedTuple):
    """The weighted total and the two terms before weighting, each a scalar."""

    total: torch.Tensor
    code: torch.Tensor  # E1
    classification: torch.Tensor  # E2


class CodeRegression(Method):
    """Stage 2 of the two-stage methods: codes of the training photos, and a network that says them.

    A method derives from it and overrides `prepare`, which hands `remember` the codes.

    Attributes:
        codes: buffer, float32 ``(photos, bits)`` of 0 and 1, t; empty before `prepare`.
    """

    stages = "separate"
    uses_index = True

    def __init__(self):
        super().__init__()
        self.register_buffer("codes", torch.empty(0, 0))

    def remember(self, codes) -> None:
        """Take codes of -1 and +1, real ``(photos, bits)``, as the targets."""
        self.codes = torch.as_tensor(codes > 0, dtype=torch.float32)

    def code_loss(self, outputs: Outputs, index: torch.Tensor) -> torch.Tensor:
        """Return E1 of the photos at ``index``, int64 ``(n,)``.

        Raises:
            ValueError: `prepare` has not been called, or for another number of bits.
        """
        projection = outputs.projection
        if self.codes.shape[1] != projection.shape[1]:
            raise ValueError(
                f"{type(self).__name__} holds target codes of {self.codes.shape[1]} bits for a "
                f"network of {projection.shape[1]}: call prepare(photos, bits, seed) first"
            )
        targets = self.codes[index].to(projection.dtype)
        # from the projection: the logarithm of a sigmoid that is rounded to 0 would be infinite
        return functional.binary_cross_entropy_with_logits(projection, targets)


class CNNH(CodeRegression):
    """Codes by factorising the pair similarities, then their cross-entropy.

    Args:
        alpha: weight of E1.
        sweeps: of the coordinate descent of stage 1.

    Raises:
        ValueError: a negative weight.
    """

    source = "Xia et al., 2014"
    group, supervision = GROUPS[0], "pairs"
    published_trunk = "three convolutions"

    def __init__(self, alpha: float = 1.0, sweeps: int = 5):
        super().__init__()
        if not alpha >= 0:
            raise ValueError(f"alpha must be >= 0, got {alpha}")
        self.alpha, self.sweeps = alpha, sweeps

    def prepare(self, photos: Photos, bits: int, seed: int) -> None:
        """Factorise the similarities of the photos' labels into ``codes``."""
        self.remember(fit_codes(photos.labels, bits, self.sweeps, seed).codes)

    def forward(self, outputs: Outputs, labels: torch.Tensor, index: torch.Tensor) -> CNNHTerms:
        """Return the terms of a batch, scalars; ``labels`` are not looked at."""
        code = self.code_loss(outputs, index)
        return CNNHTerms(self.alpha * code, code)


class CNNHPlus(CNNH):
    """CNNH with the classes as a second task.

    Args:
        alpha, beta: weights of E1 and E2.
        sweeps: of the coordinate descent of stage 1.

    Raises:
        ValueError: a negative weight.
    """

    supervision = "labels"

    def __init__(self, alpha: float = 1.0, beta: float = 1.0, sweeps: int = 5):
        super().__init__(alpha, sweeps)
        if not beta >= 0:
            raise ValueError(f"beta must be >= 0, got {beta}")
        self.beta = beta

    def forward(self, outputs: Outputs, labels: torch.Tensor, index: torch.Tensor) -> CNNHPlusTerms:
        """Return the terms of a batch, scalars; ``labels`` is int64 ``(n,)``."""
        code = self.code_loss(outputs, index)
        classification = functional.cross_entropy(outputs.logits, labels)
        return CNNHPlusTerms(self.alpha * code + self.beta * classification, code, classification)
