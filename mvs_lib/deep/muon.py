"""Muon: steps of equal length in every direction of a weight matrix. Used in notebook 03.

Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks". A gradient's few
strong directions drown the many weak ones; Muon replaces the (momentum-averaged) gradient
``G = U S V'`` by ``U V'``, by a few steps of an iteration that needs products only. Small
networks then learn from fewer photos than with SGD. ``torch.optim.Muon`` takes matrices alone;
here the kernels of convolutions, ``(out, in, h, w)``, are read as matrices ``(out, in h w)``.
"""

import torch

__all__ = ["Muon", "orthogonalize"]

# A quintic a x + b x^3 + c x^5 that lifts every singular value in (0, 1] to about 1.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalize(matrix: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Return about ``U V'`` of a float matrix ``(m, n)`` with singular vectors U, V.

    The singular values come out between about 0.5 and 1.2, which is as good in practice.
    """
    a, b, c = COEFFICIENTS
    x = matrix / (matrix.norm() + 1e-7)  # all singular values at most 1
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for convolutions and matrices, SGD with Nesterov momentum for the rest.

    Each parameter group says by ``orthogonal`` which of the two it takes. Weights under Muon are
    kept at a fixed norm (the normalisation that follows them makes their scale meaningless, and a
    fixed norm makes a step's length mean an angle), so that weight decay is for the others.

    Args:
        groups: parameter groups, each with ``params`` and, optionally, ``orthogonal`` (default
            False), ``lr``, ``momentum``, ``weight_decay``.
        lr, momentum, weight_decay: for the groups that do not say.
    """

    def __init__(self, groups, lr: float, momentum: float = 0.9, weight_decay: float = 0.0):
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(groups, {**defaults, "orthogonal": False})

    @torch.no_grad()
    def step(self, closure=None):
        """Take one step; returns what ``closure`` returns, None without one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step(parameter, parameter.grad, group)
        return loss

    def _step(self, parameter: torch.Tensor, gradient: torch.Tensor, group: dict) -> None:
        if not group["orthogonal"]:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        mean = state["momentum"].mul_(group["momentum"]).add_(gradient)
        ahead = gradient.add(mean, alpha=group["momentum"])  # Nesterov
        if group["orthogonal"]:
            rows = parameter.shape[0]
            parameter.mul_(rows**0.5 / (parameter.norm() + 1e-7))
            ahead = orthogonalize(ahead.reshape(rows, -1)).view_as(parameter)
        parameter.add_(ahead, alpha=-group["lr"])
