"""The triplets of a batch: an anchor, a photo like it, and one unlike it. Taught in notebook 04.

A triplet asks which of the two is nearer to the anchor. A batch of n photos has up to n^3 of them,
and most are soon satisfied.
"""

import torch

__all__ = ["active_mean", "shared_labels", "squared_distances", "triplet_gaps"]

ROUNDING = 1e-6


def shared_labels(labels: torch.Tensor) -> torch.Tensor:
    """Return how many labels each photo shares with each other one, float ``(n, n)``.

    Args:
        labels: int64 ``(n,)``, one label a photo; or 0 and 1 ``(n, classes)``, several.
    """
    if labels.ndim == 1:
        return (labels[:, None] == labels[None]).float()
    return labels.float() @ labels.float().T


def squared_distances(values: torch.Tensor) -> torch.Tensor:
    """Return ||v_i - v_j||^2 of all pairs of rows, ``(n, n)``.

    By differences and not by inner products, which lose the digits of small distances.
    """
    return (values[:, None] - values[None]).square().sum(2)


def triplet_gaps(distances: torch.Tensor, alike: torch.Tensor) -> torch.Tensor:
    """Return d(anchor, like) - d(anchor, unlike) of all triplets of a batch, ``(t,)``.

    Takes memory for n numbers a similar pair.

    Args:
        distances: ``(n, n)``, from each anchor (row) to each photo.
        alike: bool ``(n, n)``, whether two photos are alike.
    """
    themselves = torch.eye(len(alike), dtype=torch.bool, device=alike.device)
    anchor, like = (alike & ~themselves).nonzero(as_tuple=True)
    gaps = distances[anchor, like][:, None] - distances[anchor]  # (pairs, n)
    return gaps[~alike[anchor]]


def active_mean(losses: torch.Tensor, floor: float = 0.0) -> torch.Tensor:
    """Return the mean over the triplets whose loss is above ``floor``; ``floor`` if there is none.

    Of all triplets of a batch most are soon satisfied. A mean over all would be nearly nothing, and
    would go on falling; the mean over those that still teach keeps its scale.
    """
    active = losses > floor + ROUNDING  # a triplet that is satisfied but for rounding is satisfied
    if not active.any():
        return losses.sum() * 0 + floor  # a graph without a slope
    return losses[active].mean()
