import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

from mvs_lib.codes import pack
from mvs_lib.deep.methods.autoencoder import DeepAutoencoder, loss, reconstruct, rounded, unrolled
from mvs_lib.deep.methods.boltzmann import BoltzmannMachine


@parametrize_with_checks(
    [DeepAutoencoder(bits=2, hidden=(4,), pretraining_epochs=2, epochs=2)],
    expected_failed_checks=lambda hasher: {
        "check_fit_score_takes_y": "fit's second argument is called labels here, not y"
    },
    xfail_strict=True,
)
def test_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


def stack(seed=0, sizes=(3, 5, 4)):
    random = np.random.default_rng(seed)
    machines = []
    for visible, hidden in itertools.pairwise(sizes):
        machine = BoltzmannMachine(visible, hidden, not machines, random)
        machine.weights = random.normal(size=(visible, hidden))
        machine.visible_bias = random.normal(size=visible)
        machine.hidden_bias = random.normal(size=hidden)
        machines.append(machine)
    return machines


def test_unrolled_it_is_the_machines_up_and_down_with_a_rounded_code_between():
    machines = stack()
    rows = np.random.default_rng(1).normal(size=(6, 3))
    probabilities = machines[1].hidden_probabilities(machines[0].hidden_probabilities(rows))
    down = machines[1].visible_means((probabilities >= 0.5).astype(float))
    expected = machines[0].visible_means(down)
    code, output = reconstruct(torch.from_numpy(rows), unrolled(machines))
    np.testing.assert_allclose(torch.sigmoid(code).numpy(), probabilities)
    np.testing.assert_allclose(output.numpy(), expected)
    slow = sum(
        (rows[n, i] - expected[n, i]) ** 2 for n in range(6) for i in range(3)
    ) / (2 * 6 * 3)  # fmt: skip
    assert float(loss(torch.from_numpy(rows), unrolled(machines))) == pytest.approx(slow)


def test_rounding_is_at_a_half_and_the_gradient_passes():
    units = torch.tensor([0.0, 0.49, 0.5, 0.51, 1.0], requires_grad=True)
    found = rounded(units)
    assert found.tolist() == [0, 0, 1, 1, 1]
    (found * torch.arange(5.0)).sum().backward()
    assert units.grad.tolist() == [0, 1, 2, 3, 4]


def test_the_gradient_of_the_decoder_is_the_numeric_one():
    layers = unrolled(stack())
    x = torch.tensor(np.random.default_rng(2).normal(size=(5, 3)))
    parts = [part.requires_grad_() for layer in layers[2:] for part in layer]

    def total(*parts):
        return loss(x, [*layers[:2], *zip(parts[::2], parts[1::2], strict=True)])

    assert torch.autograd.gradcheck(total, parts)


def test_the_gradient_of_the_encoder_is_that_of_the_units_that_were_not_rounded():
    layers = unrolled(stack(3, (3, 4)))  # one machine: W, then W'
    x = torch.tensor(np.random.default_rng(2).normal(size=(1, 3)))
    bias = layers[0][1].requires_grad_()
    loss(x, layers).backward()
    a = torch.sigmoid(x @ layers[0][0] + bias).detach()[0]
    code = (a >= 0.5).double()
    error = (code @ layers[1][0] + layers[1][1] - x[0]) / 3
    expected = (layers[1][0] @ error) * a * (1 - a)
    np.testing.assert_allclose(bias.grad.numpy(), expected.numpy())


def pictures(seed=0, count=400):
    """Rows of 24 pixels: sums of a few of six patterns, plus noise, in 0..255."""
    random = np.random.default_rng(seed)
    patterns = random.normal(size=(6, 24))
    on = random.integers(0, 2, (count, 6))
    return 120 + 30 * (on @ patterns) + random.normal(0, 5, (count, 24)), on


@pytest.fixture(scope="module")
def learned():
    rows, _ = pictures()
    settings = {"bits": 8, "hidden": (20,), "epochs": 60, "learning_rate": 0.005, "batch_size": 50}
    return DeepAutoencoder(**settings).fit(rows), rows


def test_reconstruction_improves_and_beats_the_mean(learned):
    hasher, rows = learned
    assert hasher.loss_.shape == (61,)
    assert hasher.loss_[-1] < 0.5 * hasher.loss_[0]
    error = ((rows - hasher.reconstruct(rows)) ** 2).mean(0)
    assert error.mean() < 0.4 * rows.var(0).mean()
    scaled = ((rows - hasher.reconstruct(rows)) / hasher.scale_) ** 2
    assert scaled.mean() / 2 == pytest.approx(hasher.loss_[-1])
    assert len(hasher.pretraining_error_) == 2


def test_pretraining_teaches_the_first_machine_to_reconstruct():
    rows, _ = pictures(1)
    losses = [
        DeepAutoencoder(bits=8, hidden=(20,), pretraining_epochs=epochs, batch_size=20, epochs=0)
        .fit(rows)
        .pretraining_error_[0]
        for epochs in (0, 30)
    ]
    assert losses[1] < 0.7 * losses[0]


def test_only_the_code_passes_to_the_decoder(learned):
    hasher, rows = learned
    codes = hasher.encode(rows)
    np.testing.assert_array_equal(codes, pack(hasher.project(rows) >= 0))
    output = hasher.reconstruct(rows)
    assert len(np.unique(codes, axis=0)) > 20
    for code in np.unique(codes, axis=0)[:20]:
        of_code = output[(codes == code).all(1)]
        np.testing.assert_allclose(of_code, of_code[:1].repeat(len(of_code), 0))


def test_near_pictures_get_near_codes(learned):
    hasher, rows = learned
    bits = hasher.project(rows) >= 0
    _, on = pictures()
    shared = (on[:, None] != on).sum(2)
    apart = (bits[:, None] != bits).sum(2)
    assert apart[shared == 0].mean() < 0.5 * apart[shared >= 3].mean()


def test_the_seed_decides_and_units_do_not_matter():
    rows, _ = pictures(2, 80)
    settings = {"bits": 4, "hidden": (6,), "epochs": 2, "pretraining_epochs": 2}
    first = DeepAutoencoder(**settings).fit(rows)
    again = DeepAutoencoder(**settings).fit(rows / 256)  # a power of two: exact
    np.testing.assert_array_equal(first.project(rows), again.project(rows / 256))
    other = DeepAutoencoder(**settings, random_state=1).fit(rows)
    assert not np.allclose(other.project(rows), first.project(rows))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pretraining_epochs": -1}, "pretraining_epochs >= 0"),
        ({"epochs": -1}, "epochs >= 0"),
        ({"batch_size": 0}, "batch_size >= 1"),
        ({"pretraining_rate": 0}, "pretraining_rate must be > 0"),
        ({"learning_rate": math.nan}, "learning_rate must be > 0"),
        ({"hidden": (0,)}, "at least one unit"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DeepAutoencoder(bits=4, **options).fit(pictures(0, 20)[0])
