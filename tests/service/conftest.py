import pytest

from mvs_lib.service.recognizer import Recognizer

collect_ignore = ["conftest.py"]  # doctest would import it as another folder's conftest


@pytest.fixture(scope="session")
def source(small_world):
    """Return the source photos of `small_world`."""
    return small_world.split.source


@pytest.fixture(scope="session")
def fitted(small_world):
    """Return a recogniser of the small world's places, by its untrained network."""
    return Recognizer().fit(small_world.split.source, small_world.network, progress=False)
