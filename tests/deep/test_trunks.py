import numpy as np
import pytest
import torch

from mvs_lib.deep.training import Settings, build_network
from mvs_lib.deep.trunks import TRUNKS, Residual, SmallTrunk, convolution


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (128, 128), (64, 200)])
def test_photos_of_any_size_give_vectors_of_one_length(height, width):
    trunk = SmallTrunk(width=2, features=10).eval()
    with torch.no_grad():
        vectors = trunk(torch.randn(3, 3, height, width, generator=torch.manual_seed(0)))
    assert vectors.shape == (3, 10) and (vectors >= 0).all() and vectors.any()


def test_five_halvings():
    stages = SmallTrunk(width=2).eval().stages
    with torch.no_grad():
        assert stages(torch.zeros(1, 3, 128, 128)).shape == (1, 12, 4, 4)


def test_the_channels_are_one_two_four_and_six_times_the_width():
    outputs = [m.out_channels for m in SmallTrunk(width=3).modules() if hasattr(m, "out_channels")]
    assert outputs == [3, 6, 6, 12, 12, 18]


def test_parameters_count_as_computed_by_hand():
    w, f = 5, 11
    channels = [(3, w, 25), (w, 2 * w, 9), (2 * w, 2 * w, 9)]
    channels += [(2 * w, 4 * w, 9), (4 * w, 4 * w, 9), (4 * w, 6 * w, 9)]
    expected = sum(i * o * kernel + 2 * o for i, o, kernel in channels) + 4 * 6 * w * f + 2 * f
    assert sum(p.numel() for p in SmallTrunk(w, f).parameters()) == expected


def test_the_vector_knows_left_from_right():
    trunk = SmallTrunk(width=4, features=16).eval()
    photo = torch.zeros(1, 3, 64, 64)
    photo[..., :32] = 2.0
    with torch.no_grad():
        assert not torch.allclose(trunk(photo), trunk(photo.flip(3)))


def test_a_residual_adds_its_input():
    x = torch.randn(2, 4, 8, 8, generator=torch.manual_seed(1))
    block = Residual(4).eval()
    with torch.no_grad():
        torch.testing.assert_close(block(x), x + block.body(x))
        torch.nn.init.zeros_(block.body[0].weight)
        assert torch.equal(block(x), x)


def test_a_brick_is_convolution_normalisation_and_relu():
    brick = convolution(3, 5, kernel=5, stride=2).eval()
    x = torch.randn(2, 3, 9, 9, generator=torch.manual_seed(2))
    with torch.no_grad():
        expected = torch.nn.functional.conv2d(x, brick[0].weight, stride=2, padding=2)
        torch.testing.assert_close(brick(x), (expected / (1 + 1e-5) ** 0.5).clamp(min=0))


def test_trunks_are_called_by_name():
    assert TRUNKS["small"] is SmallTrunk


def test_other_trunks_have_not_changed_what_a_seed_gives_the_small_one():
    """The draws are those of its layers in order, then hash layer, classifier, classifier again."""
    network = build_network(Settings(seed=3), bits=12, classes=5, width=4, features=16)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        trunk = SmallTrunk(width=4, features=16)
        hashing, classifier = torch.nn.Linear(16, 12), torch.nn.Linear(12, 5)
        torch.nn.init.normal_(classifier.weight, std=0.2)
    expected = {f"trunk.{name}": value for name, value in trunk.state_dict().items()}
    expected |= {"hash.weight": hashing.weight, "hash.bias": torch.zeros(12)}
    expected |= {"classifier.weight": classifier.weight, "classifier.bias": torch.zeros(5)}
    state = network.state_dict()
    assert list(state) == list(expected)  # and nothing new is stored in its checkpoints
    assert all(torch.equal(value, expected[name]) for name, value in state.items())


def test_a_trunk_needs_no_photos_unless_it_says_so():
    trunk = SmallTrunk(width=2)
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    trunk.initialise(np.zeros((2, 32, 32, 3), np.uint8), 0)
    assert trunk.ready and all(torch.equal(v, before[n]) for n, v in trunk.state_dict().items())
