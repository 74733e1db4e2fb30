import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.queries.homography import match, verify

MATRIX = np.array([[0.9, 0.1, 0.05], [-0.1, 0.8, 0.2], [0.1, -0.05, 1.0]])


def mapped(points, matrix):
    ends = np.c_[points, np.ones(len(points))] @ matrix.T
    return ends[:, :2] / ends[:, 2:]


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 1000))
def test_matches_are_those_of_two_loops(m, n, seed):
    random = np.random.default_rng(seed)
    candidate = random.normal(size=(n, 4))
    query = candidate[random.integers(0, n, m)] + 0.3 * random.normal(size=(m, 4)) if n else []
    query = np.asarray(query).reshape(-1, 4)
    best = {}
    for row in range(len(query)) if n > 1 else ():
        distances = np.linalg.norm(candidate - query[row], axis=1)
        first, second = np.argsort(distances)[:2]
        if distances[first] < 0.8 * distances[second]:
            best.setdefault(int(first), []).append((distances[first], row))
    expected = sorted((min(rows)[1], column) for column, rows in best.items())
    assert match(query, candidate, 0.8).tolist() == [list(pair) for pair in expected]


def test_a_row_that_stands_twice_is_never_a_clear_match():
    random = np.random.default_rng(0)
    for _ in range(100):  # the squared distances are zero up to rounding, to either side
        candidate = random.random((9, 64)).astype(np.float32)
        candidate[7] = candidate[3]
        assert match(candidate[[3]], candidate).tolist() == []


@pytest.mark.parametrize("seed", range(5))
def test_a_homography_is_found_among_wrong_matches(seed):
    random = np.random.default_rng(seed)
    candidate = random.random((60, 2))
    query = mapped(candidate, MATRIX) + random.normal(0, 0.001, (60, 2))
    query[40:] = random.random((20, 2))
    found = verify(query, candidate)
    assert found.inliers[:40].all() and found.inliers[40:].sum() <= 2
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1.0]])
    np.testing.assert_allclose(mapped(corners, found.matrix), mapped(corners, MATRIX), atol=0.01)
    again = verify(query, candidate)
    np.testing.assert_array_equal(again.matrix, found.matrix)


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1.0]]),  # a mirror
        np.array([[1, 0, 0], [0, 1, 0], [-1.9, 0, 1.0]]),  # a horizon through the frame
        np.diag([1, 0.05, 1.0]),  # squeezed to a line
    ],
)
def test_what_no_camera_sees_is_refused(matrix):
    candidate = np.random.default_rng(0).random((40, 2))
    candidate[:, 0] *= 0.4  # all on one side of the horizon
    assert verify(mapped(candidate, matrix), candidate) is None
    assert verify(mapped(candidate, MATRIX), candidate) is not None


def test_too_few_matches_verify_nothing():
    points = np.random.default_rng(0).random((3, 2))
    assert verify(points, points) is None
    assert match(np.empty((0, 4)), points).shape == match(points, points[:1]).shape == (0, 2)
