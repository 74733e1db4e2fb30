import pytest

from mvs_lib.queries.link import LINKS
from mvs_lib.widgets.bitrate_explorer import BitrateExplorer

PROTOCOL = "campus: 30 source photos, 12 query photos, 6 places"


def row(method, kind, size, score, top1, **more):
    waits = {f"seconds_{link.key}": round(link.seconds(size), 3) for link in LINKS}
    figures = {"bytes": float(size), "map": score, "top1": top1, **waits}
    about = {"method": method, "kind": kind, "settings": "", "protocol": PROTOCOL, "seed": 0}
    about |= {"position": method == "words", "labels": method == "words"}
    return {**about, **figures, **more}


ROWS = [
    row("photo", "image", 40_000, 0.6, 0.95),
    row("thumbnail", "image", 900, 0.99, 0.99, protocol="validation: some photos held back"),
    row("words", "compressed features", 150, 0.5, 0.7),
    row("deep <bits>", "hash bits", 9, 0.4, 0.75),
]


@pytest.fixture
def panel():
    return BitrateExplorer(ROWS)


def test_the_budget_decides_which_system_is_best(panel):
    budgets = [value for _, value in panel.budget.options]
    assert budgets[0] == 8 and budgets[-1] == 65_536  # nothing fits the first, all fit the last
    best = {8: None, 16: "deep <bits>", 128: "deep <bits>", 256: "words", 65_536: "photo"}
    for budget, method in best.items():
        panel.budget.value = budget
        assert (panel.best and panel.best["method"]) == method
        if method:
            first, last = (link.seconds(int(panel.best["bytes"])) for link in (LINKS[0], LINKS[-1]))
            assert panel.summary() == (
                f"At most {budget:,} bytes, hash bits or compressed features or image: {method} "
                f"is best, MAP {panel.best['map']:.2f} and top-1 {panel.best['top1']:.2f} with "
                f"{panel.best['bytes']:.0f} bytes; the answer is there after {first:.2f} s on "
                f"2G (GPRS) and {last:.2f} s on Wi-Fi."
            )
    panel.budget.value = 8
    assert "nothing is so small; the smallest query has 9 bytes" in panel.summary()


def test_only_the_chosen_kinds_count(panel):
    panel.budget.value = 256
    panel.kinds.value = ("hash bits", "image")
    assert {kind: p and p["method"] for kind, p in panel.chosen.items()} == {
        "hash bits": "deep <bits>", "image": None
    }  # fmt: skip
    assert "nothing so small" in panel.view.value and "words" not in panel.view.value
    panel.kinds.value = ("image",)
    assert panel.best is None and "smallest query has 40,000 bytes" in panel.summary()
    panel.kinds.value = ()
    assert panel.view.value == "" and "choose at least one" in panel.answer.value


def test_the_measure_decides_as_well(panel):
    panel.budget.value = 256
    assert panel.best["method"] == "words"
    panel.measure.value = "top1"
    assert panel.best["method"] == "deep <bits>"


def test_the_table_has_the_wait_on_every_link(panel):
    panel.budget.value = 65_536
    for link in LINKS:
        assert f'<th scope="col">{link.name}</th>' in panel.view.value
        assert f"<td>{link.seconds(40_000):.2f} s</td>" in panel.view.value
    assert panel.view.value.count("<tr>") == 4
    assert "<td>words</td><td>position, labels</td>" in panel.view.value
    assert "<td>photo</td><td>-</td>" in panel.view.value


def test_every_control_moves_it_and_has_a_name_and_a_hook(panel):
    panel.budget.value = 256
    shown = [panel.summary() + panel.view.value]
    for control, value in (("kinds", ("hash bits", "image")), ("budget", 16), ("measure", "top1")):
        widget = getattr(panel, control)
        assert widget.description and f"mvs-{control}" in widget._dom_classes
        widget.value = value
        shown.append(panel.summary() + panel.view.value)
    assert len(set(shown)) == len(shown)
    assert "mvs-answer" in panel.answer._dom_classes


def test_a_reader_who_cannot_see_it_is_told(panel):
    panel.budget.value = 16
    assert 'role="status" aria-live="polite"' in panel.answer.value
    assert "deep &lt;bits&gt;" in panel.answer.value
    assert "<bits>" not in panel.answer.value + panel.view.value
    assert panel.view.value.count("<img alt=") == 1 and "<caption>" in panel.view.value
    assert repr(panel) == (
        "BitrateExplorer: a budget of bytes, accuracy and waiting (run this cell to move it)"
    )


def test_rows_of_something_else_are_refused():
    with pytest.raises(ValueError, match="python -m mvs_lib bench queries"):
        BitrateExplorer([{"method": "itq", "map": 0.1}])
