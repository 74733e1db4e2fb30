import pytest

from mvs_lib.widgets.compression_dial import CompressionDial


def row(net, method, size):
    return {
        "net": net, "method": method, "file_bytes": 1000, "size_ratio": size, "macs": 2_000_000,
        "macs_ratio": 1.0, "time_ratio": 1.1, "map": 0.8, "map_before": 0.9, "flipped_bits": 0.012,
    }  # fmt: skip


@pytest.fixture
def panel():
    return CompressionDial([
        row("campus", "original", 1.0), row("campus", "deep, mild", 10.0),
        row("campus", "deep, strong", 30.0), row("head", "original", 1.0),
    ])  # fmt: skip


def test_the_words_are_those_of_a_measured_row(panel):
    assert panel.summary() == (
        "campus: original: 1,000 bytes (1.0 times smaller), 2.0 million multiplications (1.0 times "
        "fewer), MAP 0.800 (before 0.900), 1.2 % of the bits flipped."
    )
    panel.method.value = "deep"
    assert panel.strength.max == 2 and "deep, mild" in panel.summary()
    panel.strength.value = 2
    assert "30.0 times smaller" in panel.answer.value and "<img" in panel.view.value
    panel.method.value = "original"
    assert panel.strength.max == 1 and panel.row["method"] == "original"


def test_a_method_that_a_network_lacks_shows_the_original(panel):
    panel.method.value, panel.net.value = "deep", "head"
    assert panel.row == row("head", "original", 1.0)
    with pytest.raises(ValueError, match="at least one row"):
        CompressionDial([])
