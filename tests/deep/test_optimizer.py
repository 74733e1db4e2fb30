"""Trunks that Muon may train and trunks that it may not."""

import numpy as np
import pytest
import torch

from mvs_lib.deep.methods import DLBH
from mvs_lib.deep.optimizer import build_optimizer
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.trunks import SmallTrunk

SETTINGS = Settings(kernel_rate=0.4, head_rate=7.0, momentum=0.8, weight_decay=0.01)


@pytest.mark.parametrize("orthogonal", [True, False])
def test_kernels_go_by_muon_only_where_the_trunk_allows_it(fresh, monkeypatch, orthogonal):
    monkeypatch.setattr(SmallTrunk, "orthogonal", orthogonal)
    network = fresh()
    kernels = build_optimizer(network, DLBH(), SETTINGS).param_groups[0]
    assert kernels["orthogonal"] == orthogonal and kernels["scale"] == 0.4
    assert kernels["momentum"] == (0.6 if orthogonal else 0.8)
    assert len(kernels["params"]) == 7 and kernels["weight_decay"] == 0.01


def test_without_muon_a_step_is_the_gradient_with_decay(fresh, monkeypatch):
    monkeypatch.setattr(SmallTrunk, "orthogonal", False)
    network = fresh()
    optimizer = build_optimizer(network, DLBH(), SETTINGS)
    kernel = network.trunk.stages[1][0].weight
    before = kernel.detach().clone()
    kernel.grad = torch.full_like(kernel, 0.5)
    optimizer.param_groups[0]["lr"] = 0.1
    optimizer.step()
    # Nesterov's first step is (1 + momentum) times gradient plus decay
    expected = before - 0.1 * 1.8 * (0.5 + 0.01 * before)
    np.testing.assert_allclose(kernel.detach(), expected, rtol=1e-5)


def test_what_learns_nothing_is_left_out(fresh):
    network = fresh()
    network.trunk.stages[1][0].weight.requires_grad_(False)
    groups = build_optimizer(network, DLBH(), SETTINGS).param_groups
    assert len(groups[0]["params"]) == 6
    assert all(p.requires_grad for group in groups for p in group["params"])
