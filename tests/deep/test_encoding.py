import numpy as np
import pytest
import torch

from mvs_lib.codes import unpack
from mvs_lib.deep import encode, project
from mvs_lib.deep.encoding import describe


def test_projections_are_the_networks_own(fresh, photos):
    network = fresh(bits=13).eval()
    with torch.no_grad():
        expected = network(torch.from_numpy(photos.images)).projection.numpy()
    values = project(network, photos.images)
    assert values.dtype == np.float32 and values.shape == (30, 13)
    np.testing.assert_allclose(values, expected, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 30, 100])
def test_the_batch_size_changes_nothing(fresh, photos, batch_size):
    network = fresh()
    np.testing.assert_allclose(
        project(network, photos.images, batch_size=batch_size),
        project(network, photos.images),
        atol=1e-5,
    )


def test_a_bit_is_on_where_the_latent_unit_is_at_least_one_half(fresh, photos):
    network = fresh(bits=13).eval()
    codes = encode(network, photos.images)
    assert codes.dtype == np.uint8 and codes.shape == (30, 2)
    with torch.no_grad():
        latent = network(torch.from_numpy(photos.images)).latent.numpy()
    assert np.array_equal(unpack(codes, 13), latent >= 0.5)
    assert 0 < unpack(codes, 13).mean() < 1


def test_seen_mirrored_too_a_photo_has_the_mean_of_both_sides(fresh, photos):
    network = fresh(bits=13)
    turned = np.ascontiguousarray(photos.images[:, :, ::-1])
    both = (project(network, photos.images) + project(network, turned)) / 2
    np.testing.assert_allclose(project(network, photos.images, mirror=True), both, atol=1e-5)
    np.testing.assert_allclose(project(network, turned, mirror=True), both, atol=1e-5)
    # The hash layer is linear: the mean of the features has the mean of the projections.
    with torch.no_grad():
        hashed = network.hash(torch.from_numpy(describe(network, photos.images, mirror=True)))
    np.testing.assert_allclose(hashed.numpy(), both, atol=1e-4)


@pytest.mark.parametrize("mirror", [False, True])
def test_seen_moved_too_a_photo_has_the_mean_of_all_its_views(fresh, photos, mirror):
    network, side = fresh(bits=13), photos.images.shape[1]
    framed = np.pad(photos.images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    views = [framed[:, at : at + side, at : at + side] for at in (0, 2, 4)]
    views += [view[:, :, ::-1] for view in views] if mirror else []
    mean = np.mean([project(network, view) for view in views], axis=0)
    found = project(network, photos.images, mirror=mirror, shift=2)
    np.testing.assert_allclose(found, mean, atol=1e-5)
    assert np.abs(found - project(network, photos.images, mirror=mirror)).max() > 1e-4


@pytest.mark.parametrize("shift", [-1, 1000])
def test_a_photo_cannot_be_moved_out_of_itself(fresh, photos, shift):
    with pytest.raises(ValueError, match=f"below a side, got {shift} pixels"):
        encode(fresh(), photos.images, shift=shift)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was_found(fresh, photos, training):
    network = fresh().train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    project(network, photos.images)
    assert network.training == training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_network_is_left_as_it_was_found_after_a_failure(fresh, photos, monkeypatch):
    network = fresh().train()
    monkeypatch.setattr(network.trunk, "forward", lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        project(network, photos.images)
    assert network.training


def test_read_only_and_turned_arrays_do_as_well(fresh, photos):
    network = fresh()
    images = photos.images[::-1, :, ::-1]
    images.flags.writeable = False
    np.testing.assert_allclose(project(network, images), project(network, images.copy()), atol=1e-6)


def test_no_photos(fresh):
    nothing = np.empty((0, 32, 32, 3), np.uint8)
    assert project(fresh(bits=13), nothing).shape == (0, 13)
    assert encode(fresh(bits=13), nothing).shape == (0, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((2, 32, 32, 3)),
        np.zeros((2, 3, 32, 32), np.uint8),
    ],
)
def test_what_is_no_batch_of_photos_is_refused(fresh, wrong):
    with pytest.raises(ValueError, match=r"photos must be uint8 \(n, h, w, 3\)"):
        project(fresh(), wrong)


@pytest.mark.parametrize("batch_size", [0, -3])
def test_bad_batch_sizes(fresh, photos, batch_size):
    with pytest.raises(ValueError, match="batch_size must be >= 1"):
        encode(fresh(), photos.images, batch_size=batch_size)


def test_a_network_that_says_nan_makes_no_codes(fresh, photos):
    network = fresh()
    torch.nn.init.constant_(network.hash.bias, float("nan"))
    with pytest.raises(ValueError, match="NaN"):
        encode(network, photos.images)
