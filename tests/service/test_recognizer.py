"""What `Recognizer.fit` learns, and from where it starts."""

import numpy as np
import pytest
from recognizers import png

from mvs_lib import paths
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import checkpoint, encode
from mvs_lib.deep.methods import METHODS
from mvs_lib.deep.training import Settings, build_network
from mvs_lib.service import recognizer as room
from mvs_lib.service.recognizer import Recognizer


def test_a_given_network_only_encodes(fitted, small_world, source):
    assert fitted.bits == 12 and fitted.encoder_.size == 32
    expected = encode(small_world.network, source.images)
    assert np.bitwise_count(fitted.index_.codes ^ expected).sum() <= 2  # rounding near zero
    assert np.array_equal(fitted.labels_, source.labels) and fitted.names_ == source.names


def test_it_finds_its_own_photos_at_distance_zero(fitted, source):
    for i, image in enumerate(source.images):
        nearest = min(fitted.recognize(image, k=30), key=lambda answer: answer.distance)
        assert nearest.distance == 0
        assert (fitted.index_.codes[nearest.photo] == fitted.index_.codes[i]).all()
        one = fitted.recognize(image, k=1)
        assert len(one) == 1 and one[0].votes == 1 and one[0].distance == 0
        assert one[0].place == source.names[source.labels[one[0].photo]]


def test_it_recognises_new_photos(fitted, small_world):
    query = small_world.split.query
    right = [
        fitted.recognize(image, k=5)[0].label == label
        for image, label in zip(query.images, query.labels, strict=True)
    ]
    assert np.mean(right) > 0.5  # an untrained network; chance is one in six


def test_pixels_image_bytes_and_codes_are_three_ways_to_ask(fitted, small_world):
    for image in small_world.split.query.images[:4]:
        answers = fitted.recognize(image)
        assert fitted.recognize(png(image)) == answers
        code = fitted.encoder_.encode_pixels(image[None])[0].tobytes()
        assert fitted.recognize_code(code) == answers


@pytest.fixture(scope="module")
def trained(source):
    """Trained from nothing, for seconds: five steps an epoch."""
    few = Settings(epochs=6, batch_size=6, augment=False)
    made = Recognizer(bits=10, method="dlbh", settings=few, start=False)
    return made.fit(source, progress=False)


def test_it_trains_a_network_if_none_is_given(trained, source):
    assert trained.bits == 10 and trained.index_.bits == 10 and len(trained.index_) == 30
    for image in source.images[::7]:
        assert min(answer.distance for answer in trained.recognize(image)) == 0


class Training:
    """What `Recognizer._train` asks of the training loop, which does nothing here."""

    def __init__(self, monkeypatch):
        from mvs_lib.deep import training

        monkeypatch.setattr(training, "train", self)

    def __call__(self, network, loss, photos, settings, progress):
        self.network, self.loss, self.settings = network, loss, settings


@pytest.fixture
def donor(tmp_path):
    """A checkpoint of a wider network with other bits and classes."""
    network = build_network(Settings(seed=7), bits=48, classes=9, width=2, features=6)
    checkpoint.save(network, tmp_path / "donor.safetensors")
    return tmp_path / "donor.safetensors", network


def test_training_starts_from_the_trunk_of_a_checkpoint(source, donor, monkeypatch):
    training, (path, network) = Training(monkeypatch), donor
    made = Recognizer(bits=10, start=path)
    given = made._train(source, False)
    assert given is training.network and isinstance(training.loss, METHODS["ssdh"])
    assert given.config == {**network.config, "bits": 10, "classes": 6}
    for mine, theirs in zip(given.trunk.parameters(), network.trunk.parameters(), strict=True):
        assert (mine == theirs).all()


def test_the_shipped_checkpoint_is_the_start_unless_told_otherwise(
    small_world, source, donor, monkeypatch, tmp_path
):
    training = Training(monkeypatch)
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    Recognizer(bits=10)._train(source, False)  # nothing is shipped in this folder
    assert training.network.config == {"bits": 10, "classes": 6, "trunk": "small"}
    shipped = paths.checkpoints() / "campus_ssdh_48.safetensors"
    shipped.parent.mkdir()
    donor[0].rename(shipped)
    Recognizer(bits=10)._train(source, False)
    assert training.network.config["width"] == 2
    Recognizer(bits=10, start=False)._train(source, False)
    assert "width" not in training.network.config


@pytest.mark.parametrize(
    ("n", "batch_size", "epochs"), [(2, 2, 120), (30, 15, 120), (1000, 64, 60)]
)
def test_the_settings_suit_the_number_of_photos(monkeypatch, n, batch_size, epochs):
    training = Training(monkeypatch)
    few = Photos(np.zeros((n, 32, 32, 3), np.uint8), np.arange(n) % 2, ("a", "b"))
    Recognizer(start=False)._train(few, False)
    assert (training.settings.batch_size, training.settings.epochs) == (batch_size, epochs)
    mine = Settings(epochs=3)
    Recognizer(start=False, settings=mine)._train(few, False)
    assert training.settings is mine


def test_what_cannot_be_learnt_is_refused_and_changes_nothing(small_world, source, fitted):
    before = fitted.index_, fitted.encoder_, fitted.labels_, fitted.names_, fitted._onnx
    one_place = source.take(source.labels == 2)
    oblong = Photos(np.zeros((4, 32, 48, 3), np.uint8), np.arange(4) % 2, ("a", "b"))
    for wrong, message in [
        (one_place, "photos of at least two places"),
        (source.take([]), "photos of at least two places"),
        (oblong, r"must be square, got \(32, 48\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            fitted.fit(wrong, small_world.network, progress=False)
    assert before == (fitted.index_, fitted.encoder_, fitted.labels_, fitted.names_, fitted._onnx)
    with pytest.raises(ValueError, match=r"unknown method 'alexnet': choose from \[.*'ssdh'"):
        Recognizer(method="alexnet").fit(source, progress=False)
    with pytest.raises(FileNotFoundError, match="no file"):
        Recognizer(start="absent.safetensors").fit(source, progress=False)


def test_an_interrupted_fit_leaves_the_recogniser_as_it_was(
    small_world, source, fitted, monkeypatch
):
    before = dict(vars(fitted))

    def interrupt(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("mvs_lib.phone.export.export_onnx", lambda *a: _written(a[1], fitted._onnx))
    monkeypatch.setattr(room.Encoder, "encode_pixels", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(source, small_world.network, progress=False)
    assert vars(fitted) == before


def _written(path, content):
    path.write_bytes(content)
    return path


def test_a_recogniser_that_knows_nothing_says_so(tmp_path):
    fresh = Recognizer()
    for call in (
        lambda: fresh.recognize(b""),
        lambda: fresh.recognize_code(b""),
        lambda: fresh.save(tmp_path / "x"),
    ):
        with pytest.raises(ValueError, match=r"knows no place yet: call fit\(photos\) or load"):
            call()
    assert not (tmp_path / "x").exists()
