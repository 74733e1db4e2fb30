import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mvs_lib import paths
from mvs_lib.codes import pack
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import checkpoint, encode
from mvs_lib.deep.methods import METHODS
from mvs_lib.deep.training import Settings, build_network
from mvs_lib.search.linear import LinearIndex
from mvs_lib.service import recognizer as room
from mvs_lib.service.recognizer import Answer, Recognizer


@pytest.fixture(scope="module")
def source(small_world):
    return small_world.split.source


@pytest.fixture(scope="module")
def fitted(small_world):
    return Recognizer().fit(small_world.split.source, small_world.network, progress=False)


@pytest.fixture
def saved(fitted, tmp_path):
    fitted.save(tmp_path / "campus")
    return tmp_path / "campus"


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


# Learning


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
    with pytest.raises(ValueError, match=r"unknown method 'alexnet': choose from \['dlbh', 'ssdh'"):
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


# Answering


def with_codes(bits, codes, labels):
    """A recogniser whose source photos have these codes."""
    self = Recognizer(bits=bits)
    self.index_ = LinearIndex(bits)
    self.index_.add(pack(codes))
    self.labels_ = np.asarray(labels, np.int64)
    self.names_ = tuple(f"place {label}" for label in range(int(max(labels)) + 1))
    return self


def slow_answers(bits, codes, labels, query, k):
    """The voting rule, one source photo after the other."""
    distances = [sum(int(a) != int(b) for a, b in zip(row, query, strict=True)) for row in codes]
    nearest = sorted(range(len(codes)), key=lambda i: (distances[i], i))[:k]
    answers = []
    for label in sorted({int(labels[i]) for i in nearest}):
        mine = [i for i in nearest if labels[i] == label]
        first = min(mine, key=lambda i: (distances[i], i))
        total = sum(max(bits / 2 - distances[i], 0) for i in mine)
        answer = Answer(f"place {label}", label, distances[first], len(mine), first)
        answers.append((-total, answer.distance, label, answer))
    return [answer for *_, answer in sorted(answers)]


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 20),
    st.integers(1, 25),
    st.integers(1, 5),
    st.integers(1, 30),
)
def test_votes_and_ranking_are_those_of_the_stated_rule(seed, bits, n, places, k):
    random = np.random.default_rng(seed)
    codes = random.integers(0, 2, (n, bits))
    labels = random.integers(0, places, n)
    query = random.integers(0, 2, bits)
    answers = with_codes(bits, codes, labels).recognize_code(pack(query[None])[0].tobytes(), k)
    assert answers == slow_answers(bits, codes, labels, query, k)
    assert sum(answer.votes for answer in answers) == min(n, k)


def ask(bits, rows, labels, k=10):
    """Answers to the code of all zeros; each row says how many bits of a source photo are on."""
    codes = np.array([[1] * on + [0] * (bits - on) for on in rows])
    answers = with_codes(bits, codes, labels).recognize_code(bytes((bits + 7) // 8), k)
    return [(answer.label, answer.distance, answer.votes, answer.photo) for answer in answers]


def test_many_near_photos_outvote_the_nearest_one():
    assert ask(8, [0, 1, 1], [0, 1, 1]) == [(1, 1, 2, 1), (0, 0, 1, 0)]
    assert ask(8, [0, 1, 1], [0, 1, 1], k=1) == [(0, 0, 1, 0)]


def test_photos_as_far_as_chance_do_not_count():
    # place 1 has three of the votes, all at half of the bits or beyond: their sum is nothing
    assert ask(8, [4, 5, 8, 3], [1, 1, 1, 0]) == [(0, 3, 1, 3), (1, 4, 3, 0)]


def test_equal_sums_go_to_the_nearer_photo_then_to_the_smaller_label():
    # 4 - 1 + 4 - 3 = 4 = 4 - 2 + 4 - 2 = 4 - 0
    assert [a[0] for a in ask(8, [2, 2, 1, 3, 0], [0, 0, 1, 1, 2])] == [2, 1, 0]
    # equally near as well: the smaller label comes first, though its photo has the larger id
    assert [a[0] for a in ask(8, [2, 2, 2], [2, 1, 0])] == [0, 1, 2]


def test_all_beyond_chance_still_have_an_order():
    assert [a[0] for a in ask(4, [4, 3, 2], [0, 1, 2])] == [2, 1, 0]


@pytest.mark.parametrize("k", [0, -1, 2.5])
def test_bad_k(fitted, source, k):
    with pytest.raises(ValueError, match="k must be a whole number >= 1"):
        fitted.recognize(source.images[0], k)


def test_bad_questions_are_refused_with_the_reason(fitted):
    for code in (b"", b"\0", b"\0\0\0"):
        with pytest.raises(ValueError, match="a code of 12 bits is 2 bytes long, got"):
            fitted.recognize_code(code)
    with pytest.raises(ValueError, match="padding"):
        fitted.recognize_code(b"\0\1")
    with pytest.raises(ValueError, match="no JPEG, PNG or WebP"):
        fitted.recognize(b"rubbish")
    for pixels in (np.zeros((64, 64, 3), np.uint8), np.zeros((32, 32, 3))):
        with pytest.raises(ValueError, match="this encoder takes photos uint8"):
            fitted.recognize(pixels)


# The folder


def test_a_saved_and_loaded_recogniser_answers_alike(fitted, saved, small_world):
    assert sorted(os.listdir(saved)) == ["encoder.onnx", "index.npz", "places.json"]
    again = Recognizer.load(saved)
    assert (again.bits, again.method, again.names_) == (12, "ssdh", fitted.names_)
    assert again.labels_.dtype == np.int64 and np.array_equal(again.labels_, fitted.labels_)
    for image in small_world.split.query.images:
        assert again.recognize(image) == fitted.recognize(image)
    again.save(saved.parent / "copy")
    for name in os.listdir(saved):
        assert (saved.parent / "copy" / name).read_bytes() == (saved / name).read_bytes()


def test_names_in_any_script_survive(fitted, tmp_path):
    named = with_codes(12, np.eye(12, dtype=int), np.arange(12) % 2)
    named.names_ = ("Café “Zürich”", "図書館 🏛")
    named.encoder_, named._onnx = fitted.encoder_, fitted._onnx
    named.save(str(tmp_path / "deep" / "folder"))
    assert Recognizer.load(str(tmp_path / "deep" / "folder")).names_ == named.names_


def test_loading_and_recognising_need_no_torch(fitted, saved, source):
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from mvs_lib.service.recognizer import Recognizer\n"
        "recognizer = Recognizer.load(sys.argv[1])\n"
        "for answer in recognizer.recognize(sys.stdin.buffer.read()):\n"
        "    print(answer.label, answer.distance, answer.votes, answer.photo)\n"
        "assert sys.modules['torch'] is None and 'onnx' not in sys.modules\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(saved)],
        input=png(source.images[3]),
        capture_output=True,
        check=True,
    )
    rows = [[int(part) for part in line.split()] for line in run.stdout.decode().splitlines()]
    assert rows == [list(answer[1:]) for answer in fitted.recognize(source.images[3])]


def test_an_existing_recogniser_is_replaced_whole(fitted, saved):
    other = with_codes(12, np.zeros((2, 12), int), [0, 1])
    other.encoder_, other._onnx = fitted.encoder_, fitted._onnx
    (saved / ".DS_Store").write_bytes(b"left by the system")
    other.save(saved)
    assert Recognizer.load(saved).names_ == ("place 0", "place 1")
    assert sorted(os.listdir(saved)) == ["encoder.onnx", "index.npz", "places.json"]
    assert os.listdir(saved.parent) == ["campus"]


def test_an_empty_folder_is_filled(fitted, tmp_path):
    (tmp_path / "empty").mkdir()
    fitted.save(tmp_path / "empty")
    assert len(Recognizer.load(tmp_path / "empty").index_) == 30


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_that_holds_anything_else_is_left_alone(fitted, saved, tmp_path):
    (saved / "notes.txt").write_text("my own")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    other = tmp_path / "other"  # another program's, of the same name
    other.mkdir()
    (other / "places.json").write_text('{"format": "gazetteer"}')
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "places.json").write_text("[1, 2")
    halved = tmp_path / "halved"
    halved.mkdir()
    (halved / "encoder.onnx").write_bytes(b"somebody's network")
    for folder, message in [
        (saved, "holds 'notes.txt', which would be lost: choose another"),
        (foreign, "holds 'thesis.tex', which would be lost"),
        (other, "holds no recogniser: choose another"),
        (broken, "holds no recogniser"),
        (halved, "holds no recogniser"),
    ]:
        before = contents(folder)
        with pytest.raises(ValueError, match=message):
            fitted.save(folder)
        assert contents(folder) == before
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ValueError, match="is a file: give a folder"):
        fitted.save(file)
    assert file.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == sorted(
        ["broken", "campus", "file", "foreign", "halved", "other"]
    )


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failed_save_keeps_the_old_recogniser(fitted, saved, monkeypatch, failing):
    """Wherever the renaming fails: before the old folder is moved aside, or after."""
    before, replaced, calls = contents(saved), os.replace, []
    other = with_codes(12, np.zeros((2, 12), int), [0, 1])
    other.encoder_, other._onnx = fitted.encoder_, fitted._onnx
    index_save = LinearIndex.save
    monkeypatch.setattr(LinearIndex, "save", lambda *a: _quietly(monkeypatch, index_save, *a))

    def fail(source, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError("disk full")
        replaced(source, target)

    monkeypatch.setattr(room.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        other.save(saved)
    monkeypatch.undo()
    assert contents(saved) == before and os.listdir(saved.parent) == ["campus"]


def _quietly(monkeypatch, save, index, path):
    """Let the index rename its own file: that renaming is not the one under test."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", os.rename)
        return save(index, path)


@pytest.mark.parametrize("name", ["encoder.onnx", "index.npz", "places.json"])
def test_missing_files_are_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"holds no recogniser: it lacks {name}"):
        Recognizer.load(saved)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent holds no recogniser: it lacks"):
        Recognizer.load(tmp_path / "absent")


@pytest.mark.parametrize("name", ["encoder.onnx", "index.npz", "places.json"])
def test_truncated_and_altered_files_are_refused(saved, name):
    path, random = saved / name, np.random.default_rng(0)
    whole = path.read_bytes()
    damaged = [whole[: len(whole) * share // 10] for share in range(10)]
    for position in random.integers(0, len(whole), 60):
        altered = bytearray(whole)
        altered[position] ^= 1 << int(random.integers(8))
        damaged.append(bytes(altered))
    for content in damaged:
        path.write_bytes(content)
        try:
            again = Recognizer.load(saved)
        except ValueError as error:
            assert str(saved) in str(error)
        else:  # white space between the parts of places.json may become another kind of it
            assert json.loads(content) == json.loads(whole)
            assert name == "places.json" and len(again.index_) == 30
    path.write_bytes(whole)
    assert len(Recognizer.load(saved).index_) == 30


def test_files_of_two_recognisers_do_not_go_together(fitted, saved, tmp_path):
    other = with_codes(12, np.zeros((30, 12), int), fitted.labels_)
    other.encoder_, other._onnx, other.names_ = fitted.encoder_, fitted._onnx, fitted.names_
    other.save(tmp_path / "other")
    os.replace(tmp_path / "other" / "index.npz", saved / "index.npz")
    with pytest.raises(ValueError, match="altered, or comes from another recogniser"):
        Recognizer.load(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "gazetteer"}, "not a recogniser of this version"),
        ({"version": 2}, "not a recogniser of this version"),
        ({"names": ["a"] * 6}, "altered"),
        ({"labels": [0] * 30}, "altered"),
        ({"sha256": None}, "altered"),
    ],
)
def test_rewritten_places_are_refused(saved, changes, message):
    path = saved / "places.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(ValueError, match=message):
        Recognizer.load(saved)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe\xff", b"12"])
def test_what_is_no_list_of_places_is_refused(saved, content):
    (saved / "places.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"places\.json is damaged"):
        Recognizer.load(saved)
