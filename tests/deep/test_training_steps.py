"""The rate of every step, and what a step does to each kind of parameter."""

import itertools
import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from mvs_lib.deep.methods import SSDH
from mvs_lib.deep.muon import Muon, orthogonalize
from mvs_lib.deep.training import Settings, learning_rate, train

QUICK = Settings(epochs=3, batch_size=8, learning_rate=0.02, augment=0)


def state(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize(("warmup", "steps"), [(0.2, 100), (0.25, 10), (0.5, 7), (0.2, 1), (0, 9)])
def test_the_rate_climbs_straight_to_the_peak_and_falls_straight_towards_zero(warmup, steps):
    settings = Settings(learning_rate=0.3, warmup=warmup)
    rates = [learning_rate(settings, step, steps) for step in range(steps)]
    climb = warmup * steps
    top = math.ceil(climb)
    assert all(0 < rate <= 0.3 + 1e-12 for rate in rates)
    np.testing.assert_allclose(np.diff(rates[:top]), 0.3 / (climb + 1))
    np.testing.assert_allclose(np.diff(rates[top:]), -0.3 / (steps - climb))
    # one more step of the fall would end at zero
    assert learning_rate(settings, steps, steps) == 0
    if climb == top < steps:
        assert rates[top] == 0.3 == max(rates)


def test_every_step_uses_the_schedules_rate_scaled_for_the_head(fresh, photos, monkeypatch):
    rates = []
    step = Muon.step

    def spy(self, *args):
        rates.append([group["lr"] for group in self.param_groups])
        return step(self, *args)

    monkeypatch.setattr(Muon, "step", spy)
    settings = replace(QUICK, head_rate=10.0, kernel_rate=0.5)
    train(fresh(), SSDH(), photos, settings, progress=False)
    expected = [learning_rate(settings, step, 9) for step in range(9)]
    np.testing.assert_allclose(rates, np.outer(expected, [0.5, 1, 10, 10]))


def rule(name):
    """Which rule moves a parameter: the trunk's kernels or norms, the head or its biases."""
    if not name.startswith("trunk."):
        return "bias" if name.endswith("bias") else "head"
    return "kernel" if name.endswith(("0.weight", "vector.1.weight")) else "norm"


def test_every_parameter_follows_one_rule(fresh, photos, monkeypatch):
    made, build = [], Muon.__init__
    monkeypatch.setattr(
        Muon, "__init__", lambda self, *args, **kw: made.append(self) or build(self, *args, **kw)
    )
    network = fresh()
    settings = replace(QUICK, weight_decay=0.01, head_rate=7.0, kernel_rate=0.4, momentum=0.8)
    train(network, SSDH(), photos, settings, progress=False)
    (optimizer,) = made
    names = {id(p): name for name, p in network.named_parameters()}
    groups = [[names[id(p)] for p in group["params"]] for group in optimizer.param_groups]
    assert sorted(itertools.chain(*groups)) == sorted(names.values())
    rules = [{rule(name) for name in group} for group in groups]
    assert rules == [{"kernel"}, {"norm"}, {"head"}, {"bias"}]
    assert [len(group) for group in groups] == [7, 14, 2, 2]  # six convolutions and a linear layer
    assert [group["orthogonal"] for group in optimizer.param_groups] == [True, False, False, False]
    assert [group["weight_decay"] for group in optimizer.param_groups][1:] == [0.0, 0.01, 0.0]
    assert [group["scale"] for group in optimizer.param_groups] == [0.4, 1.0, 7.0, 7.0]
    assert [group["momentum"] for group in optimizer.param_groups][1:] == [0.8, 0.8, 0.8]


class Flat(nn.Module):
    """A loss without slope: what moves a weight then is its decay alone."""

    def forward(self, outputs, labels):
        class Terms(NamedTuple):
            total: torch.Tensor
            size: torch.Tensor

        return Terms((outputs.logits * 0).sum(), outputs.latent.mean())


def test_decay_shrinks_the_head_by_the_stated_amount_and_spares_normalisation(fresh, photos):
    network = fresh()
    before = state(network)
    settings = Settings(
        epochs=1, batch_size=30, learning_rate=0.1, warmup=0, weight_decay=0.02, momentum=0.9,
        head_rate=3.0, augment=0,
    )  # fmt: skip
    history = train(network, Flat(), photos, settings, progress=False)
    assert history.terms["total"] == [0.0] and 0 < history.terms["size"][0] < 1
    for name, parameter in network.named_parameters():
        parameter = parameter.detach()
        if rule(name) == "kernel":  # kept at a fixed norm, in the same direction
            expected = before[name] * len(parameter) ** 0.5 / before[name].norm()
        else:
            # Nesterov's first step is (1 + momentum) times the gradient, here the decay alone
            expected = before[name] * (1 - 0.3 * 0.02 * 1.9 * (rule(name) == "head"))
        torch.testing.assert_close(parameter, expected, rtol=1e-5, atol=1e-8)


def test_a_step_goes_down_the_gradient_of_the_stated_loss(fresh, photos):
    """Without momentum and decay: weights minus rate times gradient, made orthogonal in kernels."""
    settings = Settings(
        epochs=1, batch_size=30, learning_rate=0.1, kernel_rate=0.5, warmup=0, momentum=0,
        weight_decay=0, augment=0,
    )  # fmt: skip
    network, reference = fresh(), fresh().train()
    train(network, SSDH(0.5, 2, 3), photos, settings, progress=False)
    outputs = reference(torch.from_numpy(photos.images))
    SSDH(0.5, 2, 3)(outputs, torch.from_numpy(photos.labels)).total.backward()
    trained = dict(network.named_parameters())
    for name, start in reference.named_parameters():
        value = start.detach()
        if rule(name) == "kernel":
            value = value * len(value) ** 0.5 / value.norm()
            step = 0.05 * orthogonalize(start.grad.flatten(1)).view_as(start)
        else:
            step = 0.1 * start.grad
        torch.testing.assert_close(
            trained[name].detach(), value - step, atol=2e-5, rtol=1e-3, msg=name
        )
