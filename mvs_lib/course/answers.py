"""Compare two answers, and say in a few words how they differ."""

import math

import numpy as np

__all__ = ["difference", "short"]

WIDTH = 60  # characters that one value may take in a line
KINDS = {"b": "bool", "i": "integer", "u": "integer", "f": "float", "c": "complex"}


def difference(
    got: object, expected: object, relative: float = 0, absolute: float = 0
) -> str | None:
    """Say how ``got`` differs from ``expected``, or return None if it does not.

    Numbers and arrays (NumPy's or torch's) must agree in shape and in kind (bool, integer, float),
    real values within the tolerance (NaN equals NaN); for a uint8 array the dtype must be uint8
    too, since packed codes and photos are. A tuple and a list with equal items are equal.
    """
    got, expected = _plain(got), _plain(expected)
    if got is None and expected is not None:
        return f"expected {short(expected)}, got None (is a return missing?)"
    plain = f"expected {short(expected)}, got {short(got)}"
    if isinstance(expected, list | tuple):
        if not isinstance(got, list | tuple):
            return f"{plain} (a {type(got).__name__}, not a {type(expected).__name__})"
        if len(got) != len(expected):
            return f"{plain} ({len(got)} items, not {len(expected)})"
        for index, pair in enumerate(zip(got, expected, strict=True)):
            wrong = difference(*pair, relative, absolute)
            if wrong:
                return f"item {index}: {wrong}"
        return None
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            return plain
        wrongs = (
            (key, difference(got[key], expected[key], relative, absolute)) for key in expected
        )
        return next((f"under {key!r}: {wrong}" for key, wrong in wrongs if wrong), None)
    if isinstance(expected, np.ndarray | np.generic | bool | int | float | complex):
        return _arrays(got, expected, relative, absolute, plain)
    try:
        same = type(got) is type(expected) and bool(got == expected)
    except Exception:  # an odd class may not know how to compare itself
        same = False
    return None if same else plain


def _arrays(got, expected, relative: float, absolute: float, plain: str) -> str | None:
    try:
        mine, right = np.asarray(got), np.asarray(expected)
    except ValueError:  # rows of unequal length
        return plain
    if mine.dtype.kind not in KINDS:
        return f"{plain} (a {type(got).__name__})"
    if mine.shape != right.shape:
        return f"{plain} (shape {mine.shape}, not {right.shape})"
    kinds = [KINDS.get(array.dtype.kind, "other") for array in (mine, right)]
    if kinds[0] != kinds[1]:
        return f"{plain} ({kinds[0]}, not {kinds[1]})"
    if right.ndim and right.dtype == np.uint8 and mine.dtype != np.uint8:
        return f"{plain} (dtype {mine.dtype}, not uint8)"
    if right.dtype.kind in "fc":
        same = np.allclose(mine, right, rtol=relative, atol=absolute, equal_nan=True)
    else:
        same = np.array_equal(mine, right)
    return None if same else plain


def _plain(value: object) -> object:
    """Turn a torch tensor into an array, without importing torch."""
    if type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    return value


def short(value: object) -> str:
    """Return a value in at most `WIDTH` characters, on one line.

    >>> short(np.arange(1000).reshape(10, 100))
    'int64 array (10, 100) [[0, 1, 2, ..., 97, 98, 99], ...]'
    """
    value = _plain(value)
    if isinstance(value, np.ndarray):
        with np.printoptions(threshold=8, edgeitems=3, precision=4, suppress=True, linewidth=10**6):
            listed = np.array2string(value, separator=", ").replace("\n", "")
        text = " ".join(listed.split()).replace("[ ", "[")
        if len(text) > WIDTH:
            row = text[: text.find("]") + 1] if "]" in text else text
            inner = f"{row}, ...]" if value.ndim > 1 else row
            text = f"{value.dtype} array {value.shape} {inner}"
    elif isinstance(value, np.generic):
        text = str(value)
    elif isinstance(value, float) and math.isfinite(value):
        text = f"{value:.6g}"
    elif isinstance(value, tuple | list) and any(
        isinstance(v, np.ndarray | np.generic) for v in value
    ):
        text = f"({', '.join(short(item) for item in value)})"
    else:
        try:
            text = " ".join(repr(value).split())
        except Exception:  # a broken repr of the learner's own class
            text = f"a {type(value).__name__}"
    limit = 2 * WIDTH
    return text if len(text) <= limit else text[: limit - 4] + " ..."
