"""What a layer reads and says, and a cheaper layer taught to say the same. See notebook 06.

Weights are means to an end: what counts is what a layer says of the data that reaches it. So one
lets the network look at some photos, takes down what the layer read and said, and fits the cheaper
layer to it. Give the cheaper layer what it will read *itself*, behind layers that were compressed
before it, and it makes up for their errors, too: the asymmetric way of Zhang et al. (2016).
"""

import copy

import torch
from torch import nn

from mvs_lib.compress.listening import listening

__all__ = ["reconstruct", "responses"]


def responses(
    network: nn.Module, layer: str, inputs: torch.Tensor, batch_size: int = 128
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a layer reads and what it says while the network looks at inputs.

    Args:
        network: put in evaluation mode meanwhile and left as it was found.
        layer: its name in ``network.named_modules()``; called once a batch.
        inputs: what the network takes, at least one.
        batch_size: how many pass through at once.

    Raises:
        ValueError: no such layer, no inputs, or a layer that is called otherwise.
    """
    known = dict(network.named_modules())
    if layer not in known:
        raise ValueError(f"no layer {layer!r}; there are: {', '.join(filter(None, known))}")
    if not len(inputs):
        raise ValueError("give at least one input to look at")
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    # Copies: a layer behind may work in place.
    hear = {layer: lambda read, said: seen.append((read.clone(), said.clone()))}
    with listening(network, hear):
        for first in range(0, len(inputs), batch_size):
            network(inputs[first : first + batch_size])
    read, said = (torch.cat(part) for part in zip(*seen, strict=True)) if seen else ((), ())
    if len(read) != len(inputs):
        raise ValueError(f"layer {layer!r} is not called once a batch: it saw {len(read)} inputs")
    return read, said


def reconstruct(
    layer: nn.Module, read: torch.Tensor, said: torch.Tensor, steps: int = 100, ridge: float = 0.0
) -> nn.Module:
    """Teach a copy of a layer to say what another said; return it, never worse than it was.

    Minimises mean ||said - layer(read)||^2 / mean ||said||^2 + ridge ||change of the weights||^2 by
    L-BFGS over all its parameters, on all data at once.

    Args:
        layer: cheaper, as from `mvs_lib.compress.low_rank` or `mvs_lib.compress.cp`.
        read: what it will read, ``(n, ...)``.
        said: what it is to say of that.
        steps: of L-BFGS, at most.
        ridge: how much it costs to leave the weights given.

    Raises:
        ValueError: the layer says something of another shape.
    """
    new = copy.deepcopy(layer)
    with torch.no_grad():
        if new(read[:1]).shape[1:] != said.shape[1:] or len(read) != len(said):
            raise ValueError(
                f"the layer says {tuple(new(read[:1]).shape[1:])} of each of {len(read)} inputs, "
                f"and is to say {tuple(said.shape[1:])} of {len(said)}"
            )
    size = said.square().mean().clamp(min=1e-30)
    weights = list(new.parameters())
    given = [each.detach().clone() for each in weights]

    def loss() -> torch.Tensor:
        error = (new(read) - said).square().mean() / size
        if ridge:
            changes = (((a - b) ** 2).sum() for a, b in zip(weights, given, strict=True))
            error = error + ridge * sum(changes)
        return error

    optimizer = torch.optim.LBFGS(weights, max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    with torch.no_grad():
        before = loss()
    optimizer.step(closure)
    with torch.no_grad():
        if not loss() <= before:  # a line search that failed, or a NaN
            for weight, old in zip(weights, given, strict=True):
                weight.copy_(old)
    for weight in weights:
        weight.grad = None
    return new
