"""What every system on the bench does with a payload that no phone sent it."""

import numpy as np
import pytest

from mvs_lib.queries.payload import PayloadError, pack


def takes_or_refuses(system, body: bytes) -> None:
    """Hand a valid envelope around any bytes over: scores of all source photos, or PayloadError."""
    try:
        scores = system.search(pack(system.number, body))
    except PayloadError:
        return
    assert scores.shape == (24,) and np.isfinite(scores).all()


def refuses(system, *payloads: bytes) -> None:
    """Hand payloads over that must be refused."""
    for wrong in payloads:
        with pytest.raises(PayloadError):
            system.search(wrong)
