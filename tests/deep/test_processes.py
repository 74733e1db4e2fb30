"""Two processes end where one does: each loss, each trunk, up to the order of addition."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shared_run
import torch
from safetensors.torch import load_file

from mvs_lib.deep import processes

ROOT = Path(__file__).resolve().parents[2]


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Run shared_run.py in two processes, as torchrun would; return the folder they wrote."""
    folder = tmp_path_factory.mktemp("together")
    common = {
        **os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port()),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    command = [sys.executable, "-W", "error", shared_run.__file__, str(folder)]
    started = [
        subprocess.Popen(
            command, env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], "\n".join(said)
    return folder


# In float64 the two differ by the last digits alone. In float32 each of the six steps adds in
# another order, and Muon's iteration, which lifts small singular values, enlarges what differs.
@pytest.mark.parametrize(("double", "tolerance"), [(True, 1e-6), (False, 5e-3)])
@pytest.mark.parametrize("name", shared_run.CASES)
def test_two_processes_end_with_the_weights_of_one(together, name, double, tolerance):
    alone = shared_run.run(name, double)
    shared = [load_file(together / f"{name}-{double}-{rank}.safetensors") for rank in range(2)]
    assert shared[0].keys() == shared[1].keys() == alone.keys()
    for key, value in alone.items():
        assert torch.equal(shared[0][key], shared[1][key]), key  # the two never drift apart
        difference = (shared[0][key].double() - value.double()).norm()
        assert difference <= tolerance * max(1e-3, float(value.double().norm())), key


def test_the_first_process_alone_writes_and_a_single_one_takes_up_what_it_wrote(together):
    states = sorted(path.name for path in together.glob("*.state"))
    assert states == sorted(f"{name}-{d}.state" for name in shared_run.CASES for d in (False, True))
    read = shared_run.run("balance", False, together / "balance-False.state")
    for key, value in load_file(together / "balance-False-0.safetensors").items():
        assert torch.equal(read[key], value), key


def test_a_batch_that_cannot_be_shared_alike_is_refused_by_all(together):
    said = [(together / f"refused-{rank}.txt").read_text() for rank in range(2)]
    assert said == ["2 processes cannot share a batch of 9 photos alike"] * 2


def test_rows_of_all_processes_are_the_batch(monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 3)
    parts = [processes.rows(6, 2, each) for each in range(3)]
    assert [part.tolist() for part in parts] == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]


def test_alone_nothing_is_shared_or_changed(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    processes.start()
    assert processes.count() == 1 and processes.first()
    batch = np.zeros((4, 2))
    assert processes.share(batch, 4) is batch
    half = torch.ones(2, dtype=torch.bfloat16)
    assert [o.dtype for o in processes.whole((half, half.double()), 2)] == [
        torch.float32, torch.float64
    ]  # fmt: skip
    layer = torch.nn.BatchNorm1d(2)
    with processes.shared_normalisation(layer):
        assert "forward" not in vars(layer)
