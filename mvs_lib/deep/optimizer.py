"""Which rule moves which weight: the optimizer of a training run. Taught in notebook 03."""

from torch import nn

from mvs_lib.deep.muon import Muon
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.settings import Settings

__all__ = ["build_optimizer"]


def build_optimizer(network: HashNetwork, loss: nn.Module, settings: Settings) -> Muon:
    """Return the optimizer of a run; each group's ``scale`` multiplies the rate of the step.

    The trunk's kernels go by Muon if a normalisation follows each (`Trunk.orthogonal`), all else
    by SGD. What learns nothing (``requires_grad`` False) is left out.
    """
    head = [*network.hash.parameters(), *network.classifier.parameters(), *loss.parameters()]
    trunk = [parameter for parameter in network.trunk.parameters() if parameter.requires_grad]
    fast = {"scale": settings.head_rate}
    # Muon averages over fewer steps than SGD: its steps are all of one length.
    muon = {"orthogonal": True, "momentum": 0.6} if network.trunk.orthogonal else {}
    kernels = {"scale": settings.kernel_rate, **muon}
    return Muon(
        [
            {"params": [p for p in trunk if p.ndim > 1], **kernels},
            # Biases and normalisation are not decayed: decay would only shrink their scale.
            {"params": [p for p in trunk if p.ndim <= 1], "scale": 1.0, "weight_decay": 0.0},
            {"params": [p for p in head if p.ndim > 1], **fast},
            {"params": [p for p in head if p.ndim <= 1], **fast, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
