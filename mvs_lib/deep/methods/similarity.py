"""Which pairs of photos are similar: what the losses on pairs learn from. Taught in notebook 04.

    s_ij = 1 if photos i and j show the same place, else 0.

Of photos with several labels, those are similar that share at least one. A batch of n photos
makes n^2 pairs, and few of them are similar: about one in the number of places.
"""

import torch

__all__ = ["similar_pairs"]


def similar_pairs(labels: torch.Tensor, others: torch.Tensor | None = None) -> torch.Tensor:
    """Return s of every photo with every other, bool ``(n, m)``.

    Args:
        labels: integers ``(n,)``, one label a photo, or ``(n, classes)``, 1 where a photo has the
            label and 0 where it has not.
        others: of m photos, in the same form; ``labels`` themselves if None.

    Raises:
        ValueError: labels of another shape, of two forms, or rows that are not of 0 and 1.

    >>> similar_pairs(torch.tensor([4, 7, 4])).int().tolist()
    [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    >>> similar_pairs(torch.tensor([[1, 1, 0]]), torch.tensor([[0, 1, 1], [0, 0, 1]])).tolist()
    [[True, False]]
    """
    others = labels if others is None else others
    if labels.ndim not in (1, 2) or others.ndim != labels.ndim:
        raise ValueError(
            "labels must be (n,) or (n, classes), the same for both sides, got "
            f"{tuple(labels.shape)} and {tuple(others.shape)}"
        )
    if labels.ndim == 1:
        return labels[:, None] == others[None, :]
    if labels.shape[1] != others.shape[1]:
        raise ValueError(
            f"both sides must have the same classes, got {labels.shape[1]} and {others.shape[1]}"
        )
    for rows in (labels, others):
        if not ((rows == 0) | (rows == 1)).all():
            raise ValueError("labels of shape (n, classes) must hold 0 and 1 alone")
    return labels.float() @ others.float().T > 0
