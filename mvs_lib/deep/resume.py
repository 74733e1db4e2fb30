"""Stop a training run today, take it up tomorrow: the state of a run in one safetensors file."""

import json
from pathlib import Path

import torch
from torch import nn

from mvs_lib.deep import checkpoint

__all__ = ["load", "save"]

FORMAT = "mvs-training-state-2"


def save(path, modules: nn.Module, optimizer, run: dict, history: dict) -> None:
    """Write weights, optimizer state and the history of a run after an epoch.

    Args:
        path: a ``.safetensors`` file; written beside and renamed, so never half a file.
        modules, optimizer: their ``state_dict`` is stored; the modules are whatever learns.
        run: what the run is made of (settings, network, loss, photos), to be recognised by.
        history: what happened so far; anything that JSON holds.

    Raises:
        OSError: the file cannot be written; an earlier one is then left as it was.
    """
    tensors = {f"weights.{name}": value for name, value in modules.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if torch.is_tensor(value):
                tensors[f"optimizer.{index}.{name}"] = value
    about = {"format": FORMAT, "run": run, "history": history}
    checkpoint.write_tensors(path, tensors, about)


def load(path, modules: nn.Module, optimizer, run: dict) -> dict:
    """Put a stored run back into ``modules`` and ``optimizer``.

    Returns:
        The stored ``history``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, another kind of file, or the file of another run; ``modules``
            and ``optimizer`` are then as they were.
    """
    tensors, about = checkpoint.read_tensors(path, FORMAT)
    run = json.loads(json.dumps(run))
    if about["run"] != run:
        other = sorted(key for key in run if about["run"].get(key) != run[key])
        raise ValueError(
            f"{Path(path)} holds a run with other {' and '.join(other)}; delete it to start anew, "
            f"or give another file name. Stored: {about['run']}"
        )
    state = {k[len("weights.") :]: v for k, v in tensors.items() if k.startswith("weights.")}
    modules.load_state_dict(state)
    stored = optimizer.state_dict()
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            stored["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(stored)
    return about["history"]
