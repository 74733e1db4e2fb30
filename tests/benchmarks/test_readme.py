import json
import re
from statistics import mean, pstdev

import pytest
from query_rows import PROTOCOL
from query_rows import ROWS as QUERIES

from mvs_lib.benchmarks import readme

BEGIN = readme.BEGIN.format("campus")
ROWS = [
    {"method": "itq", "bits": 48, "seed": 0, "protocol": "full", "map": 0.5, "bytes": 6},
    {"method": "itq", "bits": 48, "seed": 1, "protocol": "full", "map": 0.6, "bytes": 6},
    {"method": "ssdh", "bits": 48, "seed": 0, "protocol": "full", "map": 0.9, "top1": 0.95},
]


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    about = {"command": "python -m mvs_lib bench campus", "commit": "ab" * 20, "rows": ROWS}
    about |= {"versions": {"numpy": "2.0"}, "hardware": "a laptop", "seconds": 125.0}
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "campus.json").write_text(json.dumps(about))
    return tmp_path / "results" / "campus.json"


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_a_setting_with_mean_and_spread_over_the_seeds(results):
    head, rule, *rows, _, about = readme.block("campus").splitlines()
    assert cells(head) == ["Method", "Bits", "Bytes", "Protocol", "MAP", "top-1", "Seeds"]
    assert set(rule) == {"|", "-"}
    assert cells(rows[0]) == ["ITQ", "48", "6", "full", "0.550 ± 0.050", "", "2"]
    assert cells(rows[1]) == ["SSDH", "48", "", "full", "0.900", "0.950", "1"]
    assert about == (
        "`python -m mvs_lib bench campus` at commit abababababab, 2 min 5 s on a laptop; numpy 2.0."
    )


def test_a_row_a_system_with_what_it_knows_and_the_chart_below(results):
    about = json.loads(results.read_text()) | {"rows": QUERIES}
    results.with_name("queries.json").write_text(json.dumps(about))
    head, _, *rows, _, chart, _, protocol, _, said = readme.block("queries").splitlines()
    assert len(rows) == 5 and cells(head)[:5] == ["Method", "Kind", "Knows", "Bytes", "MAP"]
    assert cells(rows[1]) == [
        "words", "compressed features", "position, labels", "150", "0.500", "0.700", "2.5", "1,234"
    ]  # fmt: skip
    assert [cells(row)[3] for row in rows] == ["9", "150", "700", "1,200", "40,000"]
    assert chart.startswith("![MAP of 5 ways to ask") and chart.endswith(
        "](data/results/queries.png)"
    )
    assert protocol == f"{PROTOCOL}." and said.startswith("`python -m mvs_lib bench campus` at")


METHOD = {"method": "dpsh", "supervision": "pairs", "trunk": "airbench", "protocol": "P1: all"}
METHOD["data"] = "CIFAR-10"


def test_a_row_a_method_with_its_lengths_and_what_was_published(results):
    about = json.loads(results.read_text())
    rows = [
        METHOD | {"bits": 12, "seed": 0, "map": 0.5, "published": 0.713},
        METHOD | {"bits": 12, "seed": 1, "map": 0.6, "published": 0.713},
        METHOD | {"bits": 48, "seed": 0, "map": 0.7, "published": 0.757},
    ]
    rows = [row | {"published_trunk": "CNN-F", "published_source": "a paper"} for row in rows]
    rows.append(METHOD | {"method": "csq", "bits": 48, "seed": 0, "map": 0.8})
    results.with_name("cifar10_p1.json").write_text(json.dumps(about | {"rows": rows}))
    head, _, first, second, _, protocol, _, published, _, _ = readme.block(
        "cifar10_p1"
    ).splitlines()
    assert cells(head)[3:] == ["12 bits", "48 bits", "Seeds"]
    assert cells(first) == [
        "DPSH", "pairs", "airbench", "0.550 ± 0.050 (0.713)", "0.700 (0.757)", "1, 2 at 12 bits",
    ]  # fmt: skip
    assert cells(second)[3:] == ["", "0.800", "1"]
    rows.append(METHOD | {"bits": 48, "seed": 1, "map": 0.7})
    rows.append(METHOD | {"bits": 48, "seed": 2, "map": 0.7})
    results.with_name("cifar10_p1.json").write_text(json.dumps(about | {"rows": rows}))
    assert cells(readme.block("cifar10_p1").splitlines()[2])[-1] == "2, 3 at 48 bits"
    assert protocol == "MAP, CIFAR-10, P1: all."
    assert published.endswith("published: DPSH on CNN-F (a paper).")


def test_rows_of_different_photos_never_share_a_table(results):
    about = json.loads(results.read_text())
    rows = [
        METHOD | {"bits": 12, "seed": seed, "map": 0.5, "data": data}
        for seed, data in enumerate(("CIFAR-10", "CIFAR-10 (JPEG copy)"))
    ]
    results.with_name("cifar10_p1.json").write_text(json.dumps(about | {"rows": rows}))
    with pytest.raises(ValueError, match=r"one protocol, got .*JPEG copy"):
        readme.block("cifar10_p1")


def test_both_measures_stand_beside_what_was_published(results):
    about = json.loads(results.read_text())
    row = {"method": "ssdh", "bits": 48, "seed": 0, "map": 0.9, "map_at_1000": 0.93, "trunk": "big"}
    row |= {"views": 2, "data": "CIFAR-10"}
    row |= {"protocol": "P2: all", "train_seconds": 3000.0, "published_map_at_1000": 0.8997}
    row |= {"published_trunk": "AlexNet"}
    other = row | {"bits": 24, "train_seconds": 600.0}
    del other["published_map_at_1000"], other["published_trunk"]
    results.with_name("cifar10_p2.json").write_text(json.dumps(about | {"rows": [row, other]}))
    _, _, first, second, _, said, _, _ = readme.block("cifar10_p2").splitlines()
    assert cells(first) == ["SSDH", "48", "2", "0.900", "0.930", "0.8997", "50", "1"]
    assert cells(second) == ["SSDH", "24", "2", "0.900", "0.930", "", "10", "1"]
    assert said.startswith("CIFAR-10, P2: all; trunk: big; minutes") and said.endswith(
        "on AlexNet."
    )


def test_code_that_was_not_committed_is_told(results):
    about = json.loads(results.read_text())
    results.write_text(json.dumps(about | {"commit": "ab" * 20 + "+changes", "seconds": 3700}))
    assert "at commit abababababab with changes, 1 h 1 min on" in readme.block("campus")


def test_the_block_is_replaced_and_nothing_else(results, tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"# Title ü\n\n{BEGIN}\nold\n\nold\n{readme.END}\n\nend\n", "utf-8")
    readme.update("campus", page)
    assert readme.kept("campus", page) == readme.block("campus")
    expected = f"# Title ü\n\n{BEGIN}\n{readme.block('campus')}\n{readme.END}\n\nend\n"
    assert page.read_text("utf-8") == expected
    readme.update("campus", page)
    assert page.read_text("utf-8") == expected


def test_a_page_without_a_block_is_left_alone(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"text {BEGIN} text")
    with pytest.raises(ValueError, match="no block of figures"):
        readme.update("campus", page)
    assert page.read_text() == f"text {BEGIN} text"


def test_before_anything_is_measured_the_block_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    assert "Not measured yet" in readme.block("campus")


def test_the_readme_s_figures_are_the_results_files(monkeypatch):
    monkeypatch.delenv("MVS_DATA", raising=False)
    for name in readme.TABLES:
        said = f"python -m mvs_lib bench {name} writes them anew"
        assert readme.kept(name) == readme.block(name), said
    kept = readme.kept("campus")
    path = readme.paths.results() / "campus.json"
    if not path.exists():
        assert not re.search(r"\d", kept)
        return
    # The same figures, found in another way: each method's own MAP stands in a row of its own.
    rows = json.loads(path.read_text("utf-8"))["rows"]
    for what in {(row["method"], row["bits"], row.get("protocol")) for row in rows}:
        values = [r["map"] for r in rows if (r["method"], r["bits"], r.get("protocol")) == what]
        line = next(
            line
            for line in map(cells, kept.splitlines())
            if line[:2] == [what[0].upper(), str(what[1])] and line[3] == (what[2] or "")
        )
        spread = f" ± {pstdev(values):.3f}" if len(values) > 1 else ""
        assert f"{mean(values):.3f}{spread}" in line
