"""Slow references of losses of triplets, and outputs and methods to try any loss with."""

import math

import numpy as np
import pytest
import torch

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods import METHODS
from mvs_lib.deep.network import Outputs

VIEWS = {"deepbit": 5}  # of a photo


def outputs_of(seed, n, bits, classes, views=1):
    """Return outputs whose parts hang together, and labels; float64."""
    random = np.random.default_rng(seed)
    projection = torch.tensor(random.normal(0, 1.5, (views * n, bits)))
    return from_projection(projection, seed, classes), torch.tensor(random.integers(0, classes, n))


def from_projection(projection, seed, classes):
    """Return the outputs of a network whose hash layer says ``projection``."""
    weights = np.random.default_rng([seed, 1]).normal(0, 1, (projection.shape[1], classes))
    latent = torch.sigmoid(projection)
    return Outputs(projection[:, :1], projection, latent, latent @ torch.tensor(weights))


def prepared(name, labels, bits, classes, seed=0, **options):
    """Return a method that has seen a collection of exactly these photos, and extra arguments."""
    method = METHODS[name](**options)
    names = tuple(f"place {i}" for i in range(classes))
    images = np.zeros((len(labels), 8, 8, 3), np.uint8)
    method.prepare(Photos(images, labels.numpy(), names), bits, seed)
    return method, ((torch.arange(len(labels)),) if method.uses_index else ())


def assert_only_these_weights(total, weights, expected):
    """Hold a total against the weighted terms, and see that no other sign or weight would fit."""
    assert total == pytest.approx(weights @ expected)
    for term in range(len(weights)):
        for factor in (-1, 0, 2):
            wrong = weights.copy()
            wrong[term] *= factor
            assert total != pytest.approx(wrong @ expected)


def hinges(distance, labels, margin, floor=0.0):
    """Mean over the triplets above the floor of max(margin + d(a, like) - d(a, unlike), floor)."""
    found = []
    for a in range(len(labels)):
        for like in range(len(labels)):
            for unlike in range(len(labels)):
                if like != a and labels[like] == labels[a] != labels[unlike]:
                    gap = margin + distance(a, like) - distance(a, unlike)
                    if gap > floor + 1e-6:
                        found.append(gap)
    return float(np.mean(found)) if found else floor


def squared(one, other):
    return sum((x - y) ** 2 for x, y in zip(one, other, strict=True))


def dnnh(method, outputs, labels):
    def push(x):
        return x if abs(x - 0.5) <= method.eps else float(x >= 0.5)

    f = [[push(x) for x in row] for row in outputs.latent.tolist()]
    gap = hinges(lambda i, j: squared(f[i], f[j]), labels.tolist(), method.margin)
    return {"triplets": gap}


def drsch(method, outputs, labels):
    v, y = outputs.projection.tolist(), labels.tolist()
    n, bits, beta = len(v), len(v[0]), method.beta
    r = [[(1 - math.exp(-beta * x)) / (1 + math.exp(-beta * x)) for x in row] for row in v]
    w = method.bit_weights.detach().double().tolist()
    scale = bits / sum(x * x for x in w)

    def affinity(i, j):
        return -sum(scale * w[k] ** 2 * r[i][k] * r[j][k] for k in range(bits))

    together = sum((y[i] == y[j]) * squared(r[i], r[j]) / 2 for i in range(n) for j in range(n))
    return {
        "triplets": hinges(affinity, y, 0.0, -bits / 2),
        "laplacian": together / n**2,
    }


def dsrh(method, outputs, labels):
    h = np.tanh(outputs.projection.numpy())
    n, bits = h.shape
    y = labels.numpy()
    margin = bits / 4 if method.margin is None else method.margin
    rankings = []
    for q in range(n):
        shared = [int(y[q] == y[i]) if y.ndim == 1 else int(y[q] @ y[i]) for i in range(n)]
        weight, total = 0.0, 0.0
        for i in range(n):
            for j in range(n):
                if q not in (i, j) and shared[j] < shared[i]:
                    w = 2 ** shared[i] - 2 ** shared[j]
                    gap = (bits - h[q] @ h[i]) / 2 - (bits - h[q] @ h[j]) / 2 + margin
                    weight, total = weight + w, total + w * max(0.0, gap)
        if weight:
            rankings.append(total / weight)
    means = [sum(row[k] for row in h.tolist()) / n for k in range(bits)]
    return {
        "ranking": float(np.mean(rankings)) if rankings else 0.0,
        "balance": sum(m * m for m in means) / bits / 2,
    }


REFERENCES = {"dnnh": dnnh, "drsch": drsch, "dsrh": dsrh}
# Weights that are far from each other, so that no wrong one could pass for another.
WEIGHTED = {
    "dnnh": ({}, {"triplets": 1.0}),
    "drsch": ({"weight": 2.3}, {"triplets": 1.0, "laplacian": 2.3}),
    "dsrh": ({"alpha": 2.3}, {"ranking": 1.0, "balance": 2.3}),
}
