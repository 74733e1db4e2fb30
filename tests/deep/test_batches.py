"""Orders in which photos of one class come together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.deep.batches import together
from mvs_lib.deep.methods import DLBH
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import train


def slowly(order, labels, per_class):
    """Deal photos out one by one: a group opens with a photo whose class has none open."""
    groups, open_groups = [], {}
    for photo in order:
        label = labels[photo]
        if label not in open_groups:
            open_groups[label] = []
            groups.append(open_groups[label])
        open_groups[label].append(photo)
        if len(open_groups[label]) == per_class:
            del open_groups[label]
    return [photo for group in groups for photo in group]


@settings(max_examples=100)
@given(st.integers(0, 60), st.integers(1, 7), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_it_is_what_dealing_out_one_by_one_gives(n, classes, per_class, seed):
    random = np.random.default_rng(seed)
    labels, order = random.integers(0, classes, n), random.permutation(n)
    arranged = together(order, labels, per_class)
    assert arranged.tolist() == slowly(order.tolist(), labels, per_class)
    assert sorted(arranged) == list(range(n))
    np.testing.assert_array_equal(together(order, labels, 1), order)


def test_a_batch_of_many_places_then_holds_several_photos_of_each():
    labels = np.repeat(np.arange(100), 40)
    order = np.random.default_rng(0).permutation(4000)

    def pairs(arranged):
        batches = labels[arranged].reshape(-1, 50)
        return np.mean([(batch[:, None] == batch).sum() - 50 for batch in batches])

    assert pairs(together(order, labels, 5)) > 6 * pairs(order)
    assert pairs(together(order, labels, 5)) >= 50 * 4


def test_the_loop_takes_them_together_where_it_is_asked(fresh, photos, monkeypatch):
    seen, honest = [], DLBH.forward

    def spy(self, outputs, labels):
        seen.append(labels.tolist())
        return honest(self, outputs, labels)

    monkeypatch.setattr(DLBH, "forward", spy)
    run = Settings(epochs=1, batch_size=5, augment=0, per_class=5)
    train(fresh(), DLBH(), photos, run, progress=False)
    assert all(len(set(batch)) == 1 for batch in seen) and len(seen) == 6
    seen.clear()
    train(fresh(), DLBH(), photos, replace(run, per_class=0), progress=False)
    assert any(len(set(batch)) > 1 for batch in seen)
    with pytest.raises(ValueError, match="per_class must be >= 0, got -1"):
        Settings(per_class=-1)
