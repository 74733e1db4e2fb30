"""Autoencoders as files: what is read encodes and paints as what was written, or is refused."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from mvs_lib.deep import autoencoder_file, checkpoint
from mvs_lib.deep.methods import DeepAutoencoder


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).random((60, 12))


@pytest.fixture(scope="module")
def autoencoder(rows):
    return DeepAutoencoder(8, hidden=(10, 9), pretraining_epochs=2, epochs=3).fit(rows)


@pytest.fixture
def written(autoencoder, tmp_path):
    autoencoder_file.save(autoencoder, tmp_path / "a.safetensors", seed=4, map=0.5)
    return tmp_path / "a.safetensors"


def _altered(written, change, **about):
    tensors, header = checkpoint.read_tensors(written, autoencoder_file.FORMAT)
    checkpoint.write_tensors(written, change(tensors) or tensors, {**header, **about})
    return written


def test_it_comes_back_with_weights_of_16_bits(autoencoder, rows, written):
    read, about = autoencoder_file.load(written)
    assert read.get_params() == autoencoder.get_params()
    assert (about["seed"], about["map"]) == (4, 0.5)
    for kept, weights in zip(read.weights_, autoencoder.weights_, strict=True):
        assert (kept == weights.astype(np.float16)).all() and kept.dtype == np.float64
    assert (read.loss_ == autoencoder.loss_).all()
    assert read.pretraining_error_ == autoencoder.pretraining_error_
    near = np.abs(autoencoder.project(rows)) > 0.01
    assert ((read.project(rows) >= 0) == (autoencoder.project(rows) >= 0))[near].all()
    same = (read.encode(rows) == autoencoder.encode(rows)).all(1)
    assert same.sum() > 30
    painted = read.reconstruct(rows)[same] - autoencoder.reconstruct(rows)[same]
    assert np.abs(painted).max() < 0.01


def test_halved_it_encodes_and_paints_exactly_as_its_file(autoencoder, rows, written):
    halved, read = autoencoder_file.halved(deepcopy(autoencoder)), autoencoder_file.load(written)[0]
    assert (halved.project(rows) == read.project(rows)).all()
    assert (halved.reconstruct(rows) == read.reconstruct(rows)).all()
    assert (halved.project(rows) != autoencoder.project(rows)).any()


def test_written_twice_it_is_the_same_file(written, tmp_path):
    read, _ = autoencoder_file.load(written)
    again = tmp_path / "again.safetensors"
    autoencoder_file.save(read, again, seed=4, map=0.5)
    assert again.read_bytes() == written.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("weights.2") is None,
        lambda tensors: tensors.update({"weights.1": torch.zeros(10, 8)}),
        lambda tensors: tensors.update({"biases.5": torch.zeros(3)}),
    ],
)
def test_tensors_that_do_not_fit_are_refused(written, change):
    with pytest.raises(ValueError, match="do not fit the autoencoder"):
        autoencoder_file.load(_altered(written, change))


def test_another_version_a_network_and_a_damaged_file_are_refused(written):
    with pytest.raises(ValueError, match="version 9"):
        autoencoder_file.load(_altered(written, dict, version=9))
    with pytest.raises(ValueError, match="not of the format"):
        checkpoint.load(written)
    written.write_bytes(written.read_bytes()[:-1])
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        autoencoder_file.load(written)


def test_what_cannot_be_written_leaves_no_file(autoencoder, tmp_path):
    with pytest.raises(NotFittedError):
        autoencoder_file.save(DeepAutoencoder(8), tmp_path / "b.safetensors")
    with pytest.raises(ValueError, match="arguments"):
        autoencoder_file.save(autoencoder, tmp_path / "b.safetensors", arguments=1)
    assert not list(tmp_path.iterdir())
