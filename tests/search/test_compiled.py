"""Kernels are kept where one may write, under a digest of what they were made of."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mvs_lib import paths
from mvs_lib.search import compiled


def test_kernels_are_kept_in_the_cache_under_a_digest(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    kept = Path(compiled.folder())
    assert kept.is_dir() and kept.parent == paths.data() / "cache" / "kernels"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "given"))
    assert Path(compiled.folder()).parts[-4:] == (tmp_path.name, "given", "kernels", kept.name)


def test_another_source_is_another_folder(tmp_path, monkeypatch):
    copy = tmp_path / "search"
    shutil.copytree(Path(compiled.__file__).parent, copy)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    before = compiled.folder()
    monkeypatch.setattr(compiled, "__file__", str(copy / "compiled.py"))
    assert compiled.folder() == before
    (copy / "nearest.py").write_text((copy / "nearest.py").read_text() + "\n")
    assert compiled.folder() != before


def test_nowhere_to_write_costs_only_the_keeping(tmp_path, monkeypatch):
    """A file stands where the folder should be: nothing can be made below, whoever runs this."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    assert compiled.folder() == ""
    monkeypatch.setattr(compiled, "FOLDER", "")
    assert compiled.entry(lambda x: x + 1)(1) == 2


def test_a_second_process_need_not_compile(tmp_path):
    """The first process writes what the second only reads."""
    program = (
        "import numpy as np\n"
        "from mvs_lib.search import scan\n"
        "from mvs_lib.search.multi_index import MultiIndex\n"
        "index = MultiIndex(8)\n"
        "index.add(np.uint8([[1]]))\n"
        "index.search(np.uint8([[1]]), 1)\n"
        "print(sum(scan.scan_queries.stats.cache_hits.values()))\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    run = [sys.executable, "-c", program]
    hits = [
        subprocess.run(run, env=environment, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert hits == ["0\n", "1\n"]


def test_what_the_caller_set_stays(monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", "/somewhere")
    compiled.entry(lambda x: x)
    assert numba.config.CACHE_DIR == "/somewhere"
