import json
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from query_rows import ROWS

from mvs_lib.benchmarks import readme, report
from mvs_lib.commands import build, check


@pytest.fixture
def bench(monkeypatch, tmp_path, here):
    """Run ``bench campus`` with a benchmark of no work, a data folder and a README of its own."""

    def rows(seeds, quick):
        return [{"method": "itq", "bits": 8, "seed": i, "map": 0.5} for i in range(seeds)]

    monkeypatch.setitem(sys.modules, "mvs_lib.benchmarks.campus", SimpleNamespace(rows=rows))
    monkeypatch.setenv("MVS_DATA", str(tmp_path / "data"))
    updated = []
    monkeypatch.setattr(readme, "update", lambda name: updated.append(readme.block(name)))
    return SimpleNamespace(
        run=lambda *options: here("bench", "campus", *options),
        here=here,
        updated=updated,
        file=tmp_path / "data" / "results" / "campus.json",
    )


def test_results_are_written_shown_and_put_into_the_readme(bench):
    status, said, _ = bench.run("--seeds", "2")
    assert status == 0
    results = report.load("campus")
    assert results["command"] == "python -m mvs_lib bench campus --seeds 2"
    assert [row["seed"] for row in results["rows"]] == [0, 1]
    assert said == report.table(results["rows"]) + "\n"
    assert len(bench.updated) == 1
    assert "| ITQ | 8 |" in bench.updated[0]


def test_a_rehearsal_and_another_file_leave_the_results_alone(bench, tmp_path):
    assert bench.run("--quick")[0] == 0
    assert bench.run("--output", tmp_path / "mine.json")[0] == 0
    assert not bench.file.exists()
    assert bench.updated == []
    assert json.loads((tmp_path / "mine.json").read_text())["rows"]


def test_json_is_the_results(bench):
    status, said, _ = bench.run("--json", "--seeds", "1")
    assert status == 0
    assert json.loads(said) == json.loads(bench.file.read_text())


def test_only_some_systems_write_no_file_of_their_own(here, monkeypatch, tmp_path):
    asked = []

    def rows(seeds, quick, only=None):
        return asked.append((seeds, quick, only)) or ROWS

    monkeypatch.setitem(sys.modules, "mvs_lib.benchmarks.queries", SimpleNamespace(rows=rows))
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    updated = []
    monkeypatch.setattr(readme, "update", updated.append)
    assert here("bench", "queries", "--only", "itq", "--only", "lsh")[0] == 0
    assert not (tmp_path / "results").exists()
    assert here("bench", "queries")[0] == 0
    assert asked == [(1, False, ["itq", "lsh"]), (1, False, None)]
    assert report.load("queries")["command"] == "python -m mvs_lib bench queries --seeds 1"
    assert updated == ["queries"]
    chart = cv2.imread(str(tmp_path / "results" / "queries.png"))
    assert chart.shape[1] == 640 and len(np.unique(chart.reshape(-1, 3), axis=0)) > 4


def test_only_is_refused_where_there_are_no_systems(bench):
    status, _, said = bench.run("--only", "itq")
    assert status == 1 and said.startswith("bench: --only is for queries, campus_methods, ")
    assert said.endswith(", not for campus\n")


@pytest.mark.parametrize("seeds", ["0", "-1", "two"])
def test_seeds_must_be_a_number(bench, seeds, capsys):
    with pytest.raises(SystemExit) as ended:
        bench.run("--seeds", seeds)
    assert ended.value.code == 2


def test_full_is_for_the_search_alone(bench, monkeypatch):
    status, _, error = bench.run("--full")
    assert status == 1 and error == "bench: --full is for the benchmark search, not for campus\n"
    given = []
    fake = SimpleNamespace(rows=lambda **options: given.append(options) or [])
    monkeypatch.setitem(sys.modules, "mvs_lib.benchmarks.search", fake)
    assert bench.here("bench", "search", "--full", "--quick")[0] == 0
    assert bench.here("bench", "search", "--quick")[0] == 0
    assert given == [
        {"seeds": 1, "quick": True, "full": True},
        {"seeds": 1, "quick": True},
    ]


@pytest.mark.parametrize("command", ["build", "check"])
def test_an_unknown_notebook_is_one_line(here, command):
    status, said, error = here(command, "77")
    assert (status, said) == (1, "")
    assert error.startswith(f"{command}: no notebook '77'")


def test_build_names_the_files_and_check_passes_its_verdict_on(here, monkeypatch):
    asked = []
    monkeypatch.setattr(build.build, "build", lambda names: asked.append(names) or ["a", "b"])
    assert here("build") == (0, "a\nb\n", "")
    assert here("build", "02", "03")[0] == 0
    monkeypatch.setattr(check.verify, "main", lambda names: asked.append(names) or 1)
    assert here("check", "02")[0] == 1
    assert asked == [None, ["02", "03"], ["02"]]
