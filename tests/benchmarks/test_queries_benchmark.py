import json

import numpy as np
import pytest

from mvs_lib.benchmarks import queries
from mvs_lib.queries.link import LINKS
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import OVERHEAD, pack, unpack
from mvs_lib.queries.system import System


class MeanColour(System):
    """Sends the photo's mean colour in ``digits`` bits a channel, and some filling."""

    number, method, kind, source = 77, "mean_colour", "features", "nobody"
    GRID = ({"digits": 1, "filling": 0}, {"digits": 8, "filling": 0}, {"digits": 8, "filling": 9})
    client_bytes, fits = 5, 0

    def __init__(self, digits=8, filling=0, random_state=0):
        self.digits, self.filling, self.random_state = digits, filling, random_state

    def fit(self, photos, progress=False):
        MeanColour.fits += 1
        self.means_ = photos.images.mean((1, 2))
        return self

    def encode(self, image, sensors=None):
        step = 2 ** (8 - self.digits)
        colour = (image.mean((0, 1)) // step * step).astype(np.uint8).tobytes()
        return pack(self.number, colour + bytes(self.filling))

    def search(self, payload):
        colour = np.frombuffer(unpack(self.number, payload)[:3], np.uint8)
        return -np.abs(self.means_ - colour).sum(1)

    @property
    def index_bytes(self):
        return self.means_.nbytes


@pytest.fixture
def bench(monkeypatch, tmp_path, small_world):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    monkeypatch.setattr(queries, "known", lambda: {"mean_colour": MeanColour})
    monkeypatch.setattr(queries, "_campus", lambda quick=False: small_world.split)
    monkeypatch.setattr(queries, "EACH", 4)
    monkeypatch.setattr(queries, "SHARE", 0.25)
    MeanColour.fits = 0
    return small_world.split


def test_a_grid_chooses_on_held_back_source_photos_and_one_setting_meets_the_queries(bench):
    *tried, row = queries.rows()
    assert [each["settings"] for each in tried] == [
        "digits 1, filling 0", "digits 8, filling 0", "digits 8, filling 9"
    ]  # fmt: skip
    said = "validation: 6 of 24 source photos of 6 places held back"
    assert {each["protocol"] for each in tried} == {said}
    assert row["protocol"] == "campus: 30 source photos, 18 query photos, 6 places"
    assert row["settings"] == "digits 8, filling 0"
    found = measure(MeanColour().fit(bench.source), bench)
    assert (row["map"], row["top1"]) == (round(found.map, 4), round(found.top1, 4))
    assert row["bytes"] == row["largest_bytes"] == 3 + OVERHEAD
    assert row["client_bytes"] == 5 and row["index_bytes"] == 24
    assert (row["position"], row["labels"]) == (False, False)
    for link in LINKS:
        assert row[f"seconds_{link.key}"] == round(link.seconds(6), 3)
    assert {"seconds_2g_gprs", "seconds_wi_fi"} <= row.keys()
    json.dumps(row)


def test_few_bytes_decide_among_the_good():
    rows = [{"map": 0.9, "bytes": 900}, {"map": 0.86, "bytes": 90}, {"map": 0.84, "bytes": 9}]
    assert queries.choose(rows) == 1
    assert queries.choose([{"map": 0.5, "bytes": 7}, {"map": 0.51, "bytes": 7}]) == 1
    assert queries.choose([{"map": 0.0, "bytes": 7}]) == 0


def test_a_second_run_reads_what_the_first_measured(bench, tmp_path, monkeypatch):
    first = list(queries.rows())
    (file,) = (tmp_path / "cache" / "bench-queries").iterdir()
    assert MeanColour.fits == 4 and file.name.startswith("mean_colour-0-")
    assert list(queries.rows()) == first and MeanColour.fits == 4
    file.write_text("[")
    list(queries.rows())
    assert MeanColour.fits == 8
    monkeypatch.setattr(queries, "SIZE", 64)  # other photos: another file
    list(queries.rows())
    assert MeanColour.fits == 12


def test_a_rehearsal_tries_two_settings_and_keeps_nothing(bench, tmp_path):
    assert len(list(queries.rows(quick=True))) == 3
    assert not (tmp_path / "cache").exists()


def test_the_seed_reaches_the_system(bench, monkeypatch):
    seeds = []
    monkeypatch.setattr(
        MeanColour, "search", lambda self, payload: seeds.append(self.random_state) or np.zeros(30)
    )
    monkeypatch.setattr(MeanColour, "GRID", ({},))
    assert [row["seed"] for row in queries.rows(seeds=2)] == [0, 1]
    assert set(seeds) == {0, 1}


def test_one_that_fails_does_not_stop_the_others(bench, monkeypatch, capsys):
    class Broken(MeanColour):
        method = "broken"

        def encode(self, image, sensors=None):
            raise OverflowError("too many bits")

    known = {"broken": Broken, "mean_colour": MeanColour}
    monkeypatch.setattr(queries, "known", lambda: known)
    found = []
    with pytest.raises(RuntimeError, match=r"1 could not be measured: broken \(OverflowError: too"):
        for row in queries.rows():
            found.append(row)
    assert {row["method"] for row in found} == {"mean_colour"}
    assert "too many bits" in capsys.readouterr().err
    assert len(list(queries.rows(only=["mean_colour"]))) == 4
    with pytest.raises(ValueError, match="no system semaphore: choose from broken, mean_colour"):
        list(queries.rows(only=["semaphore"]))


class Frames(MeanColour):
    """Asks with clips: sends the mean colour of the first frame, and how many there are."""

    method, GRID = "frames", ({},)

    def __init__(self, sounds=None):
        super().__init__()
        self.sounds = sounds

    def encode(self, image, sensors=None):
        self.filling = image.seconds
        return super().encode(image.frames[0], sensors)


def test_a_system_that_asks_with_clips_gets_them(bench, monkeypatch):
    monkeypatch.setattr(queries, "known", lambda: {"frames": Frames})
    monkeypatch.setattr(queries, "CLIPS", {"frames": 2})
    (row,) = queries.rows()
    assert row["protocol"].endswith("; clips of 2 s taken where the query photos were")
    assert row["bytes"] == OVERHEAD + 3 + 2 and row["map"] > 0.5


def test_the_photo_as_it_was_taken_is_measured_beside_the_choice(bench, monkeypatch):
    monkeypatch.setattr(queries, "WHOLE", {"mean_colour": {"digits": 8, "filling": 99}})
    *_, chosen, whole = queries.rows()
    assert chosen["settings"] == "digits 8, filling 0" and chosen["protocol"] == whole["protocol"]
    assert whole["bytes"] == 99 + 3 + OVERHEAD
