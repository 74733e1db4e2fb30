"""Listening to layers while a network looks at inputs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["listening"]

Hear = Callable[[torch.Tensor, torch.Tensor], None]


@contextmanager
def listening(network: nn.Module, hear: dict[str, Hear]) -> Iterator[None]:
    """Call a function each time a layer has worked, with what it read and what it said.

    Args:
        network: in evaluation mode and without gradients inside the block, then as it was.
        hear: by the layer's name in ``network.named_modules()``.
    """
    known, training = dict(network.named_modules()), network.training
    hooks = [
        known[name].register_forward_hook(lambda _, read, said, heard=heard: heard(read[0], said))
        for name, heard in hear.items()
    ]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
