import pytest
from phone_photos import photos

collect_ignore = ["conftest.py"]  # doctest would import it as another folder's conftest


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Return a maker of (network, exported file), one for each number of bits."""
    import torch

    from mvs_lib.deep import HashNetwork, project
    from mvs_lib.phone.export import export_onnx

    made = {}

    def make(bits):
        if bits not in made:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(bits)
                network = HashNetwork(bits=bits, classes=3, width=4, features=16)
                network.train()(torch.from_numpy(photos(64, seed=9)))  # running means
            with torch.no_grad():  # so that each bit is on for about half of the photos
                network.hash.bias -= torch.from_numpy(project(network, photos(64, seed=9)).mean(0))
            path = tmp_path_factory.mktemp("phone") / f"encoder_{bits}.onnx"
            made[bits] = network, export_onnx(network, path, size=32)
        return made[bits]

    return make


@pytest.fixture(scope="session")
def encoder_file(exported):
    """An exported encoder of 13 bits for photos of 32 pixels."""
    return exported(13)[1]
