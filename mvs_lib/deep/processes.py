"""One training run shared by several processes, with the result of a single one.

    torchrun --nproc-per-node 2 -m mvs_lib bench cifar10_p2

Every process holds the whole network and takes its part of every batch. This is plain
``torch.distributed``. Lightning Fabric would start the processes, place the tensors and wrap the
network in DistributedDataParallel, and the loop has devices, precision and resuming already; what
that wrapper does is not what hashing needs. It averages losses that each process computes on its
own part. A loss over pairs would then never see a pair whose photos lie with two processes, a
balance of bits over the batch would be a balance over each part, and batch normalisation would
take the mean of a part.

Here the outputs are gathered first (`whole`), every process computes the loss of the whole batch,
and each sends back the gradients of its own rows, which are summed (`sum_gradients`). Batch
normalisation sums its moments over all processes (`shared_normalisation`). So the run is that of
one process with the same batch, for every loss, but for the order in which numbers are added: in
float32 the weights drift apart as two orders of summation do. Photos are drawn and turned by every
process alike, since that is cheap and keeps the draws of the single run.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = [
    "count", "first", "rows", "same", "share", "shared_normalisation", "start", "sum_gradients",
    "whole",
]  # fmt: skip

PATIENCE = timedelta(hours=12)  # the others wait while the first process measures


def start() -> None:
    """Join the processes that torchrun started; alone, do nothing."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        distributed.init_process_group("gloo", timeout=PATIENCE)


def count() -> int:
    """Return the number of processes that share the run."""
    shared = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if shared else 1


def first() -> bool:
    """Return whether this process is the one that writes files and shows progress."""
    return count() == 1 or distributed.get_rank() == 0


def rows(photos: int, views: int, process: int) -> np.ndarray:
    """Return a process's rows of a batch, int64: its photos, in every view of them.

    >>> rows(4, 2, 0)  # alone, all of them
    array([0, 1, 2, 3, 4, 5, 6, 7])
    """
    own = np.array_split(np.arange(photos), count())[process]
    return (np.arange(views)[:, None] * photos + own).ravel()


def share(batch: np.ndarray, photos: int) -> np.ndarray:
    """Return this process's rows of a batch that holds each of ``photos`` once or more.

    Raises:
        ValueError: the photos cannot be shared out alike.
    """
    if count() == 1:
        return batch
    if photos % count():
        raise ValueError(f"{count()} processes cannot share a batch of {photos} photos alike")
    return batch[rows(photos, len(batch) // photos, distributed.get_rank())]


def whole(outputs: tuple[torch.Tensor, ...], photos: int) -> list[torch.Tensor]:
    """Gather what all processes say of their rows, in the batch's order.

    Args:
        outputs: of this process's rows; gradients flow back to these, and to no others' rows.
        photos: of the whole batch.

    Returns:
        Tensors of all rows, float32 or float64.
    """
    outputs = [o if o.dtype == torch.float64 else o.float() for o in outputs]
    if count() == 1:
        return outputs
    views = len(outputs[0]) * count() // photos
    order = np.argsort(np.concatenate([rows(photos, views, p) for p in range(count())]))
    gathered = []
    for own in outputs:
        parts = [torch.empty_like(own) for _ in range(count())]
        distributed.all_gather(parts, own.detach().contiguous())
        parts[distributed.get_rank()] = own
        gathered.append(torch.cat(parts)[torch.from_numpy(order)])
    return gathered


def sum_gradients(module: nn.Module) -> None:
    """Add up the gradients that the processes found for the same weights, in place."""
    if count() > 1:
        found = [p.grad for p in module.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in found])
        distributed.all_reduce(flat)
        for gradient, total in zip(found, flat.split([g.numel() for g in found]), strict=True):
            gradient.copy_(total.view_as(gradient))


def same(state: nn.Module, epochs: int) -> None:
    """Give all processes the first one's weights.

    Raises:
        RuntimeError: they took up the run after different epochs.
    """
    if count() == 1:
        return
    finished = torch.tensor([epochs, -epochs])
    distributed.all_reduce(finished, distributed.ReduceOp.MAX)
    if finished[0] != -finished[1]:
        raise RuntimeError("the processes read different states of the run: start them again")
    for tensor in state.state_dict().values():
        distributed.broadcast(tensor, 0)


@contextmanager
def shared_normalisation(network: nn.Module) -> Iterator[None]:
    """Let batch normalisation use the moments of the whole batch while the block runs.

    PyTorch's SyncBatchNorm does so on graphics cards only.
    """
    layers = [m for m in network.modules() if isinstance(m, _BatchNorm)] if count() > 1 else []
    for layer in layers:
        layer.forward = partial(_normalise, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _normalise(layer: _BatchNorm, x: torch.Tensor) -> torch.Tensor:
    if not layer.training:
        return type(layer).forward(layer, x)
    values = x if x.dtype == torch.float64 else x.float()
    axes = [0, *range(2, x.ndim)]
    n = count() * values.numel() // values.shape[1]
    mean = _Sum.apply(values.sum(axes)) / n
    values = values - _along(mean, x.ndim)
    variance = _Sum.apply(values.square().sum(axes)) / n
    with torch.no_grad():
        layer.num_batches_tracked += 1
        layer.running_mean.lerp_(mean, layer.momentum)
        layer.running_var.lerp_(variance * (n / (n - 1)), layer.momentum)
    values = values * _along(layer.weight * (variance + layer.eps).rsqrt(), x.ndim)
    return (values + _along(layer.bias, x.ndim)).to(x.dtype)


def _along(channels: torch.Tensor, ndim: int) -> torch.Tensor:
    return channels.view(1, -1, *[1] * (ndim - 2))


class _Sum(torch.autograd.Function):
    """Sum over the processes; so is its gradient, since every process's loss hangs on the sum."""

    @staticmethod
    def forward(ctx, x: torch.Tensor) -> torch.Tensor:
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total
