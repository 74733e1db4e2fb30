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
from mvs_lib.phone.paper_stack import LookUpLayer, alexnet_layers

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
            yield _row(name, vectors, [layer], timed[name])
        every = Timed(*np.sum(list(timed.values()), axis=0).tolist())
        yield _row("all", vectors, list(layers.values()), every)


def _row(name: str, vectors: bool, layers: list[LookUpLayer], timed: Timed) -> dict:
    multiplied, looked_up, bits = np.sum([layer.costs for layer in layers], axis=0).tolist()
    return {
        "net": "AlexNet", "layer": name, "vectors": vectors,
        "operations_ratio": round(multiplied / looked_up, 2),
        "time_ratio": round(timed.multiplied_ms / timed.looked_up_ms, 2),
        "library_ratio": round(timed.library_ms / timed.looked_up_ms, 2),
        **{key: round(value, 3) for key, value in timed._asdict().items()},
        "mebibytes": round(bits / 8 / 2**20, 2) if name == "all" else None,
    }  # fmt: skip
