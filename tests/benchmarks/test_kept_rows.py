"""A row is measured once: it is found again in data/cache, and in the results file."""

import json

import pytest

from mvs_lib.benchmarks import report
from mvs_lib.benchmarks.kept_rows import KeptRows


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    return tmp_path / "cache" / "bench-campus-f00"


def again():
    pytest.fail("measured again")


def test_a_row_is_measured_once_and_says_what_it_is_kept_as(folder):
    kept = KeptRows("campus", folder)
    assert not kept.there("lsh-12")
    row = kept.row("lsh-12", {"method": "lsh"}, lambda: {"map": 0.25})
    assert row == {**row, "method": "lsh", "map": 0.25, "kept_as": "bench-campus-f00/lsh-12"}
    assert row["row_seconds"] >= 0
    assert kept.there("lsh-12") and not kept.there("lsh-24")
    assert kept.row("lsh-12", {}, again) == row
    assert KeptRows("campus", folder.with_name("bench-campus-ba4")).there("lsh-12") is False


def test_without_the_cache_the_results_file_is_read(folder):
    row = KeptRows("campus", folder).row("lsh-12", {"method": "lsh"}, lambda: {"map": 0.25})
    report.write({"rows": [{"method": "of old"}, row]}, folder.parents[1] / "results/campus.json")
    (folder / "lsh-12.json").unlink()
    kept = KeptRows("campus", folder)
    assert kept.there("lsh-12") and kept.row("lsh-12", {}, again) == row
    assert not KeptRows("queries", folder).there("lsh-12")
    assert not KeptRows("campus", folder.with_name("bench-campus-ba4")).there("lsh-12")


def test_a_damaged_results_file_holds_no_row(folder):
    file = folder.parents[1] / "results" / "campus.json"
    file.parent.mkdir()
    file.write_text('{"rows": [{"kept_as": "bench-campus-f00/lsh-12"')
    kept = KeptRows("campus", folder)
    assert not kept.there("lsh-12")
    assert kept.row("lsh-12", {}, lambda: {"map": 0.5})["map"] == 0.5


def test_a_row_that_fails_leaves_nothing(folder):
    kept = KeptRows("campus", folder)
    with pytest.raises(ZeroDivisionError):
        kept.row("lsh-12", {}, lambda: 1 / 0)
    assert not kept.there("lsh-12") and not folder.exists()


def test_a_rehearsal_neither_keeps_nor_reads(folder):
    kept = KeptRows("campus", None)
    measured = iter(({"map": 0.25}, {"map": 0.5}))
    for value in (0.25, 0.5):
        assert kept.row("lsh-12", {"bits": 12}, lambda: next(measured)) == {
            "bits": 12,
            "map": value,
        }
        assert not kept.there("lsh-12")
    assert not folder.exists()


def test_the_table_does_not_print_what_a_row_is_kept_as(folder):
    row = KeptRows("campus", folder).row("lsh-12", {"method": "lsh"}, lambda: {"map": 0.25})
    assert json.dumps(row).count("kept_as") == 1
    assert "kept_as" not in report.table([row]) and "lsh" in report.table([row])
