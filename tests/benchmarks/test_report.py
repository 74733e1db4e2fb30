import json
import re
import subprocess

import pytest

from mvs_lib.benchmarks import report


def rows(seeds):
    for seed in range(seeds):
        yield {"method": "lsh", "seed": seed, "map": 0.25}


def test_results_say_what_made_them(tmp_path, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    results = report.measure("python -m mvs_lib bench campus", rows, seeds=2)
    report.write(results, tmp_path / "results" / "campus.json")
    assert report.load("campus") == results
    assert [row["seed"] for row in results["rows"]] == [0, 1]
    assert re.fullmatch(r"[0-9a-f]{40}(\+changes)?|unknown", results["commit"])
    assert {"python", "numpy", "torch"} <= set(results["versions"])
    assert "cores" in results["hardware"]
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["campus.json"]


def test_uncommitted_changes_of_the_package_are_told(monkeypatch):
    answers = {"rev-parse": "f00\n", "status": " M mvs_lib/codes.py\n"}

    def run(command, **_):
        return subprocess.CompletedProcess(command, 0, answers[command[1]])

    monkeypatch.setattr(report.subprocess, "run", run)
    assert report.commit() == "f00+changes"
    answers["status"] = "\n"
    assert report.commit() == "f00"


def test_without_git_the_commit_is_unknown(monkeypatch):
    def run(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(report.subprocess, "run", run)
    assert report.commit() == "unknown"


def test_a_failure_leaves_the_old_results(tmp_path):
    path = tmp_path / "campus.json"
    report.write({"rows": []}, path)
    with pytest.raises(TypeError):
        report.write({"rows": [object()]}, path)
    assert json.loads(path.read_text()) == {"rows": []}
    assert list(tmp_path.iterdir()) == [path]


def test_missing_and_damaged_results_say_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="python -m mvs_lib bench campus"):
        report.load("campus")
    (tmp_path / "results").mkdir()
    for text in ('{"rows": [', "[]", "{}", '{"rows": [1]}'):
        (tmp_path / "results" / "campus.json").write_text(text)
        with pytest.raises(ValueError, match=r"damaged.*python -m mvs_lib bench campus"):
            report.load("campus")


def test_a_table_is_aligned_and_lacks_nothing():
    table = report.table([{"method": "itq", "map": 0.5}, {"method": "lsh", "bits": 48}])
    assert table == "method  map     bits\nitq     0.5000\nlsh             48"
