"""Loading the campus: what one gets, that the seed alone decides, what an accident leaves."""

import joblib
import numpy as np
import pytest
from scipy import stats
from this_process import InThisProcess

from mvs_lib.datasets import campus, campus_scene, campus_shot, capture
from mvs_lib.datasets.campus_scene import build_scene
from mvs_lib.datasets.campus_shot import draw_shot

SMALL = {"places": 3, "source": 7, "query": 4, "size": 32}


def set_up(patch, folder):
    patch.setenv("MVS_DATA", str(folder))
    patch.setattr(joblib, "Parallel", InThisProcess)
    patch.setattr(campus_scene, "NEIGHBOURS", 1)  # drawn in half the time


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    set_up(monkeypatch, tmp_path)
    return tmp_path


def load(**options):
    return campus.load(**{**SMALL, "progress": False, **options})


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        set_up(patch, tmp_path_factory.mktemp("campus"))
        return load()


def columns(photos):
    return {
        "images": photos.images,
        "labels": photos.labels,
        **{f"sensor {key}": values for key, values in photos.sensors.items()},
        **{f"condition {key}": values for key, values in photos.conditions.items()},
    }


def assert_same(one, two):
    assert one.source.names == two.source.names
    for part in ("source", "query"):
        a, b = columns(getattr(one, part)), columns(getattr(two, part))
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=f"{part} {key}")


def files(data):
    return sorted(data.glob("cache/campus-*/*"))


# What one gets


def test_photos_are_spread_evenly_and_sorted_by_place(small):
    assert np.bincount(small.source.labels).tolist() == [3, 2, 2]
    assert np.bincount(small.query.labels).tolist() == [2, 1, 1]
    for photos, count in ((small.source, 7), (small.query, 4)):
        assert photos.images.shape == (count, 32, 32, 3) and photos.images.dtype == np.uint8
        assert (np.diff(photos.labels) >= 0).all()
        assert list(photos.sensors) == list(campus.SENSORS)
        assert all(values.dtype == np.float64 for values in photos.sensors.values())
        weathers = ["fog", "rain", "dusk", "night"]
        assert list(photos.conditions) == [*campus.CONDITIONS, *weathers]
        assert all(values.dtype == np.float32 for values in photos.conditions.values())
    assert small.name == "campus" and len(set(small.source.names)) == 3


@pytest.mark.parametrize("total", [162, 163, 1620, 6442])
def test_every_place_has_its_share(total):
    shares = campus._spread(total, campus.PLACES)
    assert shares.sum() == total and shares.max() - shares.min() <= 1
    assert (np.diff(shares) <= 0).all()


def test_the_whole_campus_is_as_large_as_the_survey_s():
    defaults = dict(zip(("places", "source", "query"), campus.load.__defaults__, strict=False))
    assert defaults == {"places": 162, "source": 6442, "query": 1620}


def test_no_query_photo_is_a_source_photo(small):
    source, query = ({photo.tobytes() for photo in p.images} for p in (small.source, small.query))
    assert len(source) == 7 and len(query) == 4 and not source & query
    scene = build_scene(0, 0, 32)  # and so it is with a whole place's photos
    eyes = [tuple(draw_shot(scene, stream, k).eye) for stream in (0, 1) for k in range(60)]
    assert len(set(eyes)) == 120


# The seed alone decides


def test_a_smaller_campus_is_a_part_of_the_larger(small):
    part = load(places=2, source=4, query=2)
    for name in ("source", "query"):
        whole, few = getattr(small, name), getattr(part, name)
        each = len(few) // 2
        index = np.concatenate([np.flatnonzero(whole.labels == k)[:each] for k in range(2)])
        taken = columns(whole.take(index))
        for key, values in columns(few).items():
            np.testing.assert_array_equal(values, taken[key], err_msg=key)
    assert part.source.names == small.source.names[:2]


def test_the_order_in_which_places_are_drawn_does_not_matter(small, monkeypatch):
    monkeypatch.setattr(InThisProcess, "order", staticmethod(lambda tasks: tasks[::-1]))
    assert_same(load(), small)


def test_drawn_by_several_processes_it_is_the_same(data, monkeypatch):
    monkeypatch.undo()  # no patch reaches the other processes
    monkeypatch.setenv("MVS_DATA", str(data))
    few = {"places": 2, "source": 5, "query": 3}
    several = load(**few)
    monkeypatch.setattr(joblib, "Parallel", InThisProcess)
    monkeypatch.setenv("MVS_DATA", str(data / "again"))
    assert_same(several, load(**few))


def test_another_seed_is_another_campus(small, data):
    other = load(places=2, source=5, query=3, seed=1)
    for a, b in ((small.source, other.source), (small.query, other.query)):
        assert not {photo.tobytes() for photo in a.images} & {p.tobytes() for p in b.images}
        assert not set(a.sensors["compass"]) & set(b.sensors["compass"])
    load(places=1, source=1, query=1, seed=0)
    assert len({file.parent for file in files(data)}) == 2  # they do not share files


# Nothing is lost and nothing is half done


def test_drawn_photos_are_read_from_the_cache(small, data, monkeypatch):
    load()
    monkeypatch.setattr(campus, "_draw_place", None)
    assert_same(load(), small)
    assert len(files(data)) == SMALL["places"]


def test_an_interrupted_drawing_goes_on_where_it_stopped(small, data, monkeypatch):
    draw_place, drawn = campus._draw_place, []

    def until(last, index, *rest):
        if index == last:
            raise KeyboardInterrupt
        drawn.append(index)
        return draw_place(index, *rest)

    monkeypatch.setattr(campus, "_draw_place", lambda *arguments: until(2, *arguments))
    with pytest.raises(KeyboardInterrupt):
        load()
    assert len(files(data)) == 2
    monkeypatch.setattr(campus, "_draw_place", lambda *arguments: until(None, *arguments))
    assert_same(load(), small)
    assert drawn == [0, 1, 2]


def test_a_half_written_file_does_not_count(small, data, monkeypatch):
    savez = np.savez

    def full_disk(out, **arrays):
        out.write(b"PK\x03\x04 the beginning of a zip")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left"):
        load()
    assert files(data) == []
    monkeypatch.setattr(np, "savez", savez)
    (folder,) = data.glob("cache/campus-*")
    left = folder / ".place000-3-2.npz.1.part"  # a process that was killed outright
    left.write_bytes(b"PK\x03\x04 the beginning of a zip")
    assert_same(load(), small)


def test_a_damaged_file_is_said_to_be_so_and_drawn_anew(small, data):
    load()
    file = files(data)[1]
    content = file.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"this is text"):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{file.name} was damaged.*run this again"):
            load()
        assert file not in files(data)
        assert_same(load(), small)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"places": 0}, "places must lie in 1..162, got 0"),
        ({"places": 163}, "places must lie in 1..162"),
        ({"places": 2.0}, "places must be a whole number"),
        ({"places": True}, "places must be a whole number"),
        ({"source": 2}, r"source must lie in 3..1000000, at least one photo a place, got 2"),
        ({"query": 2}, "query must lie in 3..1000000, at least one photo a place"),
        ({"size": 31}, "size must lie in 32..1024, got 31"),
        ({"size": 1025}, "size must lie in 32..1024"),
        ({"size": "128"}, "size must be a whole number, got '128'"),
        ({"seed": -1}, "seed must lie in 0.."),
        ({"seed": None}, "seed must be a whole number"),
    ],
)
def test_numbers_out_of_their_range(options, message, data):
    with pytest.raises(ValueError, match=message):
        load(**options)
    assert not (data / "cache").exists()


# The conditions that are recorded are those that were applied


def test_recorded_conditions_are_those_of_the_photo(monkeypatch):
    apply, done = capture.apply, []

    def noted(photo, strengths, *how):
        done.append((strengths, apply(photo, strengths, *how)))
        return done[-1][1]

    monkeypatch.setattr(capture, "apply", noted)
    split = load(places=2, source=10, query=4)
    steps = iter(done)
    for index in range(2):
        scene = build_scene(index, 0, 32)
        for stream, photos in enumerate((split.source, split.query)):
            for k, photo in enumerate(np.flatnonzero(photos.labels == index)):
                recorded = {name: values[photo] for name, values in photos.conditions.items()}
                strengths, image = next(steps)
                np.testing.assert_array_equal(image, photos.images[photo])
                in_lens = {name: recorded[name] for name in ("rotation", "affine")}
                assert {name: np.float32(value) for name, value in strengths.items()} == {
                    name: recorded[name] for name in campus.CONDITIONS
                } | dict.fromkeys(in_lens, 0)
                seed = (0, 6, index, stream, k)
                angle = np.deg2rad(capture.rotation_angle(in_lens["rotation"], seed))
                turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
                shot = draw_shot(scene, stream, k)
                lens = shot.focal * capture.affine_matrix(in_lens["affine"], seed) @ turn
                np.testing.assert_allclose(shot.camera.lens, lens, atol=1e-6)
                weather = {name: recorded[name] for name in campus.WEATHER_CONDITIONS}
                shown = {name: value for name, value in weather.items() if value}
                light = shot.light
                if light.weather in weather:
                    assert shown == {light.weather: np.float32(light.strength)}
                else:
                    assert light.weather in ("sun", "cloud") and not shown
    assert next(steps, None) is None


def test_conditions_and_weathers_occur_as_often_as_stated():
    scene = build_scene(0, 0, 32)
    shots = [draw_shot(scene, 0, k) for k in range(3000)]
    stated = dict(campus_shot.CHANCES)
    seen = {name: [shot.strengths[name] for shot in shots] for name in stated}
    stated |= {"fog": 0.09, "rain": 0.09, "dusk": 0.09, "night": 0.07}
    for weather in campus.WEATHER_CONDITIONS:
        seen[weather] = [
            shot.light.strength if shot.light.weather == weather else 0.0 for shot in shots
        ]
    for name, chance in stated.items():
        values = np.array(seen[name])
        sigma = np.sqrt(chance * (1 - chance) / len(values))
        assert abs((values > 0).mean() - chance) < 4 * sigma, name
        present = values[values > 0]
        if name in campus.CONDITIONS:  # 0.1 + 0.9 u^1.6: undo it, and u is even
            even = ((present - 0.1) / 0.9) ** (1 / 1.6)
        else:
            even = (present - 0.25) / 0.75
        assert stats.kstest(even, "uniform").pvalue > 1e-4, name
    assert set(stated) == {*campus.CONDITIONS, *campus.WEATHER_CONDITIONS}
