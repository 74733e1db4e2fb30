"""Compressors one after another, each on what the one before made. Taught in notebook 07."""

from collections.abc import Callable, Iterator

from torch import nn

__all__ = ["Pipeline"]


class Pipeline:
    """Steps by name; calling it takes a network through all of them.

    Args:
        steps: each takes a network and returns another, and leaves its own as it was: the
            compressors of this room with their arguments bound (`functools.partial`), and
            trainings between them (`mvs_lib.deep.compressed.learn_on`).

    Raises:
        ValueError: no steps.
    """

    def __init__(self, steps: dict[str, Callable[[nn.Module], nn.Module]]):
        if not steps:
            raise ValueError("a pipeline needs at least one step")
        self.steps = dict(steps)

    def __call__(self, network: nn.Module) -> nn.Module:
        """Return what the last step makes."""
        *_, (_, last) = self.stages(network)
        return last

    def stages(self, network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
        """Yield each step's name and what it made, so that it can be measured on the way."""
        for name, step in self.steps.items():
            network = step(network)
            yield name, network
