import io
import shutil

import numpy as np
import pytest
from PIL import Image

from mvs_lib.codes import hamming_distance
from mvs_lib.deep.encoding import encode
from mvs_lib.phone.process import PhoneEncoder
from mvs_lib.service import demonstration
from mvs_lib.service.recognizer import Recognizer


@pytest.fixture
def prepared(small_world, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(small_world.data))
    return demonstration.prepare(small_world.split.source, small_world.checkpoint, progress=False)


def test_the_network_of_the_checkpoint_encodes_the_index(prepared, small_world):
    recognizer, encoder = prepared
    expected = encode(small_world.network, small_world.split.source.images)
    # An ONNX Runtime sum may differ in the last digit, and with it a bit that lies at zero.
    assert hamming_distance(recognizer.index_.codes, expected).diagonal().sum() <= 2
    assert recognizer.bits == 12
    assert encoder.is_file()


def test_the_second_time_it_is_read_and_not_made(prepared, small_world, monkeypatch):
    def fit(*_, **__):
        raise AssertionError("made again")

    monkeypatch.setattr(Recognizer, "fit", fit)
    again, encoder = demonstration.prepare(small_world.split.source, small_world.checkpoint)
    assert encoder == prepared[1]
    assert np.array_equal(again.index_.codes, prepared[0].index_.codes)


def test_other_photos_labels_or_weights_are_another_recogniser(prepared, small_world, tmp_path):
    source, kept = small_world.split.source, small_world.checkpoint
    seen = {demonstration._identity(source, kept)}
    assert prepared[1].parent.name == f"recognizer-{min(seen)}"
    images = source.images.copy()
    images[3, 4, 5, 0] ^= 1
    seen.add(demonstration._identity(type(source)(images, source.labels, source.names), kept))
    seen.add(demonstration._identity(source.take(np.r_[1:30, 0]), kept))
    names = (*source.names[1:], source.names[0])
    seen.add(demonstration._identity(type(source)(source.images, source.labels, names), kept))
    other = tmp_path / "other.safetensors"
    other.write_bytes(kept.read_bytes()[:-1] + b"\1")
    seen.add(demonstration._identity(source, other))
    assert len(seen) == 5


def test_a_damaged_one_in_the_cache_is_made_again(prepared, small_world):
    recognizer, encoder = prepared
    (encoder.parent / "places.json").unlink()
    (encoder.parent / "index.npz").write_bytes(b"PK damaged")
    again, _ = demonstration.prepare(
        small_world.split.source, small_world.checkpoint, progress=False
    )
    assert np.array_equal(again.index_.codes, recognizer.index_.codes)
    assert (encoder.parent / "places.json").exists()


def test_a_missing_checkpoint_and_another_size_are_told(small_world, tmp_path, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"git checkout -- data/checkpoints"):
        demonstration.prepare(small_world.split.source, tmp_path / "none.safetensors")
    source = small_world.split.source
    larger = type(source)(source.images.repeat(2, 1).repeat(2, 2), source.labels, source.names)
    with pytest.raises(ValueError, match="trained on photos of 32 pixels, these have 64"):
        demonstration.prepare(larger, small_world.checkpoint)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_queries_are_drawn_by_lot_one_a_place():
    labels = np.repeat(np.arange(40), 5)
    drawn = demonstration.draw(labels)
    assert len(drawn) == 24 == len(set(labels[drawn]))
    assert (np.diff(labels[drawn]) > 0).all()
    assert np.array_equal(drawn, demonstration.draw(labels))
    assert not np.array_equal(drawn, demonstration.draw(labels, seed=1))
    assert len(set(drawn % 5)) == 5  # not always the first photo of a place
    assert sorted(labels[demonstration.draw(labels, 99)]) == list(range(40))


def test_a_jpeg_file_keeps_the_colours_in_their_order():
    image = np.zeros((16, 16, 3), np.uint8)
    image[...] = 200, 100, 20
    opened = np.asarray(Image.open(io.BytesIO(demonstration.jpeg(image))), int)
    assert np.abs(opened - image).max() <= 4


def test_live_answers_are_the_index_s_own(prepared, small_world):
    recognizer, encoder = prepared
    query = small_world.split.query
    which = demonstration.draw(query.labels)
    with PhoneEncoder(encoder) as phone:
        found = list(demonstration.recognise(recognizer, phone, query, which, k=7))
        codes = [phone.encode(demonstration.jpeg(query.images[i])).code for i in which]
    assert [each.query for each in found] == list(which)
    for each, code in zip(found, codes, strict=True):
        label = query.labels[each.query]
        assert each.place == query.names[label]
        assert each.sent_bytes == 2 == len(code)
        assert each.photo_bytes == len(demonstration.jpeg(query.images[each.query]))
        assert min(each.encode_ms, each.search_ms) > 0
        assert each.answers == recognizer.recognize_code(code, 7)
        row = hamming_distance(np.frombuffer(code, np.uint8)[None], recognizer.index_.codes)[0]
        nearest = np.argsort(row, kind="stable")[:7]
        assert np.array_equal(each.nearest, nearest)
        assert np.array_equal(each.distances, row[nearest])
        assert each.right == (each.answers[0].label == label)
    assert {True} <= {each.right for each in found}


def test_scores_are_those_of_a_slow_reference(prepared, small_world):
    recognizer, _ = prepared
    query = small_world.split.query
    found = demonstration.score(recognizer, query, progress=False)
    codes = recognizer.encoder_.encode_pixels(query.images)
    shuffle = np.random.default_rng(0).permutation(len(recognizer.labels_))
    database, labels = recognizer.index_.codes[shuffle], recognizer.labels_[shuffle]
    precisions, first, voted, least = [], [], [], []
    for code, label in zip(codes, query.labels, strict=True):
        distances = hamming_distance(code[None], database)[0]
        hits = labels[np.argsort(distances, kind="stable")] == label
        ranks = 1 + np.flatnonzero(hits)
        precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
        first.append(hits[0])
        least.append(distances.min())
        voted.append(recognizer.recognize_code(code.tobytes())[0].label == label)
    assert found.map == pytest.approx(np.mean(precisions))
    assert found.top1 == np.mean(first)
    assert found.recognised == np.mean(voted)
    assert found.distance == np.median(least)
    assert found.queries == len(query)
    assert 1 / 6 < found.top1 <= 1


def test_a_photo_that_is_none_is_refused_by_the_phone(prepared):
    recognizer, encoder = prepared
    with PhoneEncoder(encoder) as phone, pytest.raises(ValueError, match="no JPEG, PNG or WebP"):
        demonstration.send(recognizer, phone, b"something else")


def test_a_cache_may_be_deleted_at_any_time(prepared, small_world):
    shutil.rmtree(small_world.data / "cache")
    again, _ = demonstration.prepare(
        small_world.split.source, small_world.checkpoint, progress=False
    )
    assert np.array_equal(again.index_.codes, prepared[0].index_.codes)
