"""Does a network that looks up take less time? AlexNet's layers, with the authors' settings.

A row a layer, and one for all of them, without vector instructions (``vectors`` false) and with
them: ``operations_ratio`` is what counting promises, ``time_ratio`` what plain loops take by
multiplying, divided by what they take by looking up, and ``library_ratio`` what torch takes divided
by what looking up takes: above 1, looking up is quicker. Milliseconds of one photo on one thread;
`mvs_lib.phone.look_up_timing` says how they are measured.
"""

from collections.abc import Iterator

import numpy as np
from tqdm.auto import tqdm

from mvs_lib.phone.look_up_timing import Timed, time_layer
from mvs_lib.phone.paper_stack import LookUpLayer, alexnet_layers, alexnet_operations

__all__ = ["rows"]


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield the rows.

    Args:
        seeds: must be 1: nothing is learned, and values do not count.
        quick: a rehearsal: two layers, one turn.

    Raises:
        RuntimeError: a measurement failed.
    """
    layers = alexnet_layers()
    if quick:
        layers = {name: layers[name] for name in ("conv5", "fc8")}
    for vectors in (False, True):
        timed = {}
        for name, layer in tqdm(layers.items(), desc="AlexNet", disable=quick):
            timed[name] = time_layer(layer, vectors, turns=1 if quick else 15)
            yield _row(name, vectors, _promised([layer]), timed[name])
        every = Timed(*np.sum(list(timed.values()), axis=0).tolist())
        yield _row("all", vectors, _promised(list(layers.values())), every)


def _promised(layers: list[LookUpLayer]) -> float:
    multiplied, looked_up, _ = np.sum([layer.costs for layer in layers], axis=0)
    return multiplied / looked_up


def _row(layer: str, vectors: bool, promised: float, timed: Timed) -> dict:
    mebibytes = alexnet_operations().bits / 8 / 2**20 if layer == "all" else None
    return {
        "net": "AlexNet", "layer": layer, "vectors": vectors,
        "operations_ratio": round(promised, 2),
        "time_ratio": round(timed.multiplied_ms / timed.looked_up_ms, 2),
        "library_ratio": round(timed.library_ms / timed.looked_up_ms, 2),
        **{name: round(value, 3) for name, value in timed._asdict().items()},
        "mebibytes": mebibytes and round(mebibytes, 2),
    }  # fmt: skip
