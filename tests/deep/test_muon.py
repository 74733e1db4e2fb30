"""Muon against the singular value decomposition, and its other half against torch's SGD."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mvs_lib.deep.muon import Muon, orthogonalize


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31))
def test_singular_vectors_stay_and_singular_values_become_about_one(rows, columns, seed):
    matrix = torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, columns)))
    left, before, right = torch.linalg.svd(matrix, full_matrices=False)
    inner = left.T @ orthogonalize(matrix) @ right.T  # diagonal if U and V are kept
    after = torch.diagonal(inner)
    assert torch.allclose(inner, torch.diag(after), atol=1e-9)
    strong = before > 0.01 * before.norm()  # five steps lift a hundredth, not a millionth
    assert ((after[strong] > 0.5) & (after[strong] < 1.3)).all()


def test_scale_of_a_gradient_does_not_matter():
    matrix = torch.from_numpy(np.random.default_rng(0).standard_normal((5, 9)))
    assert torch.allclose(orthogonalize(matrix), orthogonalize(1000 * matrix), atol=1e-6)


def test_other_groups_step_as_torch_does():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(4, 3), None
    theirs = copy.deepcopy(ours)
    mine = Muon([{"params": list(ours.parameters())}], lr=0.1, momentum=0.9, weight_decay=0.01)
    peer = torch.optim.SGD(
        theirs.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True
    )
    for _ in range(5):
        x = torch.randn(6, 4)
        for model, optimizer in ((ours, mine), (theirs, peer)):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_kernels_keep_their_norm_before_each_step_and_turn_by_the_rate():
    kernel = nn.Parameter(torch.randn(6, 3, 3, 3))
    optimizer = Muon([{"params": [kernel], "orthogonal": True, "momentum": 0.0}], lr=0.05)
    gradient = torch.randn_like(kernel)
    kernel.grad = gradient.clone()
    direction = kernel.detach() * 6**0.5 / kernel.detach().norm()
    optimizer.step()
    step = orthogonalize(gradient.reshape(6, -1)).view_as(kernel)
    assert torch.allclose(kernel.detach(), direction - 0.05 * step, atol=1e-5)


def test_parameters_without_gradient_stay():
    still = nn.Parameter(torch.ones(3, 3))
    optimizer = Muon([{"params": [still], "orthogonal": True}], lr=1.0, weight_decay=1.0)
    optimizer.step()
    assert torch.equal(still.detach(), torch.ones(3, 3))


@pytest.mark.parametrize("orthogonal", [True, False])
def test_state_survives_a_state_dict(orthogonal):
    def run(interrupt):
        torch.manual_seed(1)
        weight = nn.Parameter(torch.randn(4, 5))
        group = {"params": [weight], "orthogonal": orthogonal}
        optimizer = Muon([group], lr=0.1)
        for step in range(4):
            if interrupt and step == 2:
                stored = copy.deepcopy(optimizer.state_dict())
                optimizer = Muon([group], lr=0.1)
                optimizer.load_state_dict(stored)
            optimizer.zero_grad()
            (weight.square().sum() * (step + 1)).backward()
            optimizer.step()
        return weight.detach()

    assert torch.equal(run(False), run(True))
