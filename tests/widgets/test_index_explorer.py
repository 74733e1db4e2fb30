import numpy as np
import pytest

from mvs_lib.benchmarks.search_data import clustered, queries_near, uniform
from mvs_lib.codes import hamming_distance
from mvs_lib.widgets.index_explorer import IndexExplorer


def made(generate):
    def make(n, bits):
        codes = generate(n, bits)
        return codes, queries_near(codes, bits, 8)

    return make


@pytest.fixture
def panel():
    panel = IndexExplorer({"clustered": made(clustered), "uniform": made(uniform)})
    panel.n.value = 1_000
    return panel


def test_the_words_follow_the_controls_and_the_answer_is_exact(panel):
    panel.tables.value, panel.width.value, panel.bits.value = 1, 8, 32
    assert panel.summary().startswith("1,000 clustered codes of 32 bits, 1 table of 8 bits: after")
    assert panel.summary().endswith("seen: the search stops.")
    panel.data.value, panel.query.value, panel.k.value = "uniform", 3, 1
    codes, queries = panel._made["uniform", 1_000, 32]
    nearest = hamming_distance(queries[3:4], codes).min()
    assert panel.walked.distances.tolist() == [nearest]
    assert f"k-th at {nearest} bits" in panel.summary()
    assert panel.summary() in panel.answer.value and "<img" in panel.view.value


def test_fewer_shells_show_a_search_that_goes_on(panel):
    whole = panel.walked
    assert panel.shells.value == panel.shells.max == len(whole.steps) > 1
    panel.shells.value = 1
    assert panel.walked is whole, "nothing is searched anew"
    assert "after 1 shell 1 bucket, " in panel.summary()
    assert panel.summary().endswith("it goes on.")
    panel.query.value = 1
    assert panel.shells.value == len(panel.walked.steps)


def test_tables_that_need_too_many_bits_become_narrower(panel):
    panel.bits.value, panel.tables.value, panel.width.value = 32, 8, 16
    assert panel.parts.shape == (8, 4)
    assert len(np.unique(panel.parts)) == 32


def test_without_codes_there_is_no_panel():
    with pytest.raises(ValueError, match="at least one kind"):
        IndexExplorer({})
