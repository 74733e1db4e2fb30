"""Does a system know what it says it knows, and nothing else?"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mvs_lib.datasets import campus, clips
from mvs_lib.queries.measure import sensors_of
from mvs_lib.queries.systems import known

PHOTOS = campus.load(places=3, source=60, query=6, size=256, progress=False)
SMALL = {
    "channel_words": {"words": 300, "chosen": 64, "photos_each": 20},
    "de_hashing": {"words": 300, "centres": 16, "bits": 32},
    "sparse_projections": {"bits": 20, "nonzeros": 30},
}
SYSTEMS = known()


@cache
def fitted(name, shuffled=False):
    photos, given = PHOTOS.source, dict(SMALL.get(name, {}))
    if shuffled:
        labels = np.random.default_rng(0).permutation(photos.labels)
        photos = replace(photos, labels=labels)
    if name == "audio_visual":
        given["sounds"] = clips.references(len(photos.names))
    return SYSTEMS[name](**given).fit(photos)


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_a_payload_says_where_the_phone_is_if_the_system_says_so(name):
    system = fitted(name)
    differ = False
    for index in range(3):
        image, sensors = PHOTOS.query.images[index], sensors_of(PHOTOS.query, index)
        if name == "audio_visual":
            image = clips.take(image, int(PHOTOS.query.labels[index]), 2, seed=index)
        elsewhere = {**sensors, "east": sensors["east"] + 500.0}
        differ |= len({system.encode(image, given) for given in (None, sensors, elsewhere)}) > 1
    assert differ == system.uses_position


@pytest.mark.parametrize("name", sorted(set(SYSTEMS) - {"dlbh", "ssdh"}))
def test_labels_change_the_answer_only_of_a_system_that_says_so(name):
    systems = fitted(name), fitted(name, shuffled=True)
    differ = False
    for index in range(3):
        image, sensors = PHOTOS.query.images[index], sensors_of(PHOTOS.query, index)
        if name == "audio_visual":
            image = clips.take(image, int(PHOTOS.query.labels[index]), 2, seed=index)
        scores = [system.search(system.encode(image, sensors)) for system in systems]
        differ |= not np.array_equal(*scores)
    assert differ == systems[0].uses_labels


def test_networks_say_that_labels_taught_them():
    assert SYSTEMS["dlbh"].uses_labels and SYSTEMS["ssdh"].uses_labels
