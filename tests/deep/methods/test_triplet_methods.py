"""What methods of triplets have beside their terms: slopes, weights of bits, a layer of slices."""

import numpy as np
import pytest
import torch
from loss_cases import from_projection, outputs_of, prepared

from mvs_lib.deep import checkpoint
from mvs_lib.deep.encoding import encode
from mvs_lib.deep.methods import DNNH, DRSCH, DSRH, SSDH
from mvs_lib.deep.methods.dnnh import piecewise
from mvs_lib.deep.methods.triplets import active_mean, triplet_gaps
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.slices import SlicedLayer
from mvs_lib.deep.training import Settings, train


def test_the_piecewise_threshold_has_a_slope_everywhere():
    latent = torch.linspace(0, 1, 21, dtype=torch.float64, requires_grad=True)
    pushed = piecewise(latent, 0.1)
    inside = (latent - 0.5).abs() <= 0.1
    torch.testing.assert_close(pushed[inside], latent[inside])
    assert set(pushed[~inside].tolist()) == {0.0, 1.0}
    (slope,) = torch.autograd.grad(pushed.sum(), latent)
    assert (slope == 1).all()
    assert torch.equal(piecewise(latent, 0.5), latent)


def test_a_satisfied_batch_has_a_loss_of_zero_and_a_slope_of_zero():
    labels = torch.tensor([0, 0, 1, 1])
    projection = (torch.tensor([[9.0, 9], [9, 9], [-9, -9], [-9, -9]]).double()).requires_grad_()
    total = DNNH()(from_projection(projection, 0, 2), labels).total
    (slope,) = torch.autograd.grad(total, projection)
    assert float(total.detach()) == 0 and (slope == 0).all()


def test_triplets_are_all_and_only_those_with_a_like_and_an_unlike_photo():
    distances = torch.arange(9.0).view(3, 3)
    alike = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]]).bool()
    assert triplet_gaps(distances, alike).tolist() == [1.0 - 2.0, 3.0 - 5.0]
    assert float(active_mean(torch.tensor([-1.0, 2.0, 4.0]), 0.0)) == 3.0
    assert float(active_mean(torch.tensor([1e-9, 2.0, 4.0]), 0.0)) == 3.0  # rounding is no loss


def test_drsch_keeps_the_length_of_its_weights_and_the_heaviest_bits():
    method, _ = prepared("drsch", torch.tensor([0, 1]), 5, 2)
    method.bit_weights.data = torch.tensor([0.1, -3.0, 0.2, 2.0, 0.0])
    assert float(method.squared_weights().sum().detach()) == pytest.approx(5)
    assert method.heaviest(2).tolist() == [1, 3] and method.heaviest(3).tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match=r"1\.\.5, got 6"):
        method.heaviest(6)
    with pytest.raises(ValueError, match="call prepare"):
        DRSCH()(*outputs_of(0, 4, 5, 2))


def test_drsch_grows_steeper_with_the_steps_of_training_and_not_of_looking():
    method, _ = prepared("drsch", torch.tensor([0, 0, 1]), 4, 2)
    outputs, labels = outputs_of(0, 6, 4, 2)
    method(outputs, labels)
    with torch.no_grad():
        method(outputs, labels)
    method.eval()
    method(outputs, labels)
    assert float(method.steps) == 1


def test_dsrh_takes_several_labels_and_cares_for_how_many_are_shared():
    labels = torch.tensor([[1, 1], [1, 1], [1, 0], [0, 0]])
    near = 9 * torch.tensor([[1.0, 1, 1], [1, 1, 1], [1, 1, -1], [-1, -1, -1]]).double()
    far = 9 * torch.tensor([[1.0, 1, 1], [1, -1, -1], [1, 1, 1], [-1, -1, -1]]).double()
    method = DSRH(margin=0.5)
    right, wrong = (method(from_projection(p, 0, 2), labels).ranking for p in (near, far))
    assert float(right) == pytest.approx(0, abs=1e-6) and float(wrong) > 0.3
    alone = torch.tensor([[1, 0], [1, 0]])  # nobody shares less: nothing to be learned
    assert float(method(from_projection(near[:2], 0, 2), alone).ranking) == 0


def test_dsrh_without_weights_is_the_mean_over_all_wrong_orders_of_a_query():
    random = np.random.default_rng(3)
    labels, projection = random.integers(0, 2, (6, 3)), random.normal(0, 1, (6, 8))
    found = DSRH(margin=1.5, weighted=False)(
        from_projection(torch.tensor(projection), 0, 3), torch.tensor(labels)
    )
    h, shared, means = np.tanh(projection), labels @ labels.T, []
    for q, i, j in ((q, i, j) for q in range(6) for i in range(6) for j in range(6)):
        if q not in (i, j) and shared[q, i] > shared[q, j]:
            hinge = max(0, (8 - h[q] @ h[i]) / 2 - (8 - h[q] @ h[j]) / 2 + 1.5)
            means.append((q, hinge))
    asked = {q for q, _ in means}
    wanted = np.mean([np.mean([hinge for p, hinge in means if p == q]) for q in asked])
    assert float(found.ranking) == pytest.approx(wanted)


def test_each_bit_reads_its_own_slice_alone():
    layer = SlicedLayer(6, 4, 3).double()
    features = torch.randn(5, 6, dtype=torch.float64)
    units = features @ layer.units.weight.T + layer.units.bias
    for k in range(4):
        expected = units[:, 3 * k : 3 * k + 3] @ layer.weight[k] + layer.bias[k]
        torch.testing.assert_close(layer(features)[:, k], expected)
    (slope,) = torch.autograd.grad(layer(features)[:, 1].sum(), layer.units.weight)
    touched = slope.abs().sum(1) > 0
    assert touched.nonzero().ravel().tolist() == [3, 4, 5]
    with pytest.raises(ValueError, match="width >= 1"):
        SlicedLayer(6, 4, 0)


def test_a_network_of_slices_trains_is_kept_and_read_back(tmp_path, photos):
    network = HashNetwork(bits=6, classes=3, head="slices", width=4, features=16)
    settings = Settings(epochs=2, batch_size=10, augment=0)
    train(network, DNNH(), photos, settings, progress=False)
    checkpoint.save(network, tmp_path / "sliced.safetensors")
    again, _ = checkpoint.load(tmp_path / "sliced.safetensors")
    assert again.config["head"] == "slices"
    codes = encode(network, photos.images)
    np.testing.assert_array_equal(encode(again, photos.images), codes)


def test_the_head_is_named_and_must_be_the_one_that_the_method_wants(photos):
    with pytest.raises(ValueError, match="unknown head 'round'"):
        HashNetwork(head="round")
    network = HashNetwork(bits=6, classes=3, width=4, features=16)
    assert "head" not in network.config  # as in the files that ship
    with pytest.raises(ValueError, match='build it with head="slices"'):
        train(network, DNNH(), photos, progress=False)
    sliced = HashNetwork(bits=6, classes=3, head="slices", width=4, features=16)
    train(sliced, SSDH(), photos, Settings(epochs=1, batch_size=10, augment=0), progress=False)
