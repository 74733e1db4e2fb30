"""Tensors without loss in as few bytes as their content allows. Taught in notebook 07.

Han, Mao, Dally (2016), "Deep compression", stores of a pruned layer with shared weights a codebook
of its values, and for each weight that is left the label of its value and the gap to the one
before, both Huffman coded. Here a tensor is stored in whichever way is shortest:

- ``raw``: its bytes;
- ``dense``: a codebook of its different values, and for each entry a label;
- ``sparse``: a codebook of the values other than 0, and labels and gaps of the entries that have
  one (`mvs_lib.compress.sparse_coding`), for the number of bits a gap that is best;
- ``gaps``: the same without a codebook, each entry's bytes as they are. A layer that is pruned and
  whose weights are not shared has nearly as many values as entries.

All are exact to the last bit, since values are compared by their bits. What a Huffman code needs
(the length of each symbol's code) counts, and so does the codebook.
"""

import math

import numpy as np

from mvs_lib.compress.huffman import code_lengths, decode, encode
from mvs_lib.compress.sparse_coding import filled_in, gaps, places

__all__ = ["DTYPES", "decode_tensor", "encode_tensor"]

DTYPES = {"f4": np.float32, "f2": np.float16, "i8": np.int64, "u1": np.uint8, "b1": np.bool_}
MOST_VALUES = 2**16  # different ones, for a codebook to be worth a thought
GAP_BITS = (2, 3, 4, 5, 6, 8)


def encode_tensor(values: np.ndarray) -> tuple[dict, list[bytes]]:
    """Return how a tensor is stored, and the pieces to store.

    Args:
        values: of a dtype of `DTYPES`.

    Returns:
        JSON-able facts ``{"dtype", "shape", "coding", ...}``, and bytes; `decode_tensor` takes
        both.

    Raises:
        ValueError: another dtype.
    """
    names = {np.dtype(kind): name for name, kind in DTYPES.items()}
    values = np.asarray(values)
    if values.dtype not in names:
        raise ValueError(f"a file holds {', '.join(map(str, names))}, not {values.dtype}")
    facts = {"dtype": names[values.dtype], "shape": list(values.shape)}
    raw = _little(values)
    best = {**facts, "coding": "raw"}, [raw.tobytes()]
    patterns, labels = np.unique(raw, return_inverse=True)
    labels = labels.ravel()
    if 0 < len(patterns) <= min(MOST_VALUES, values.size):
        best = min(best, _dense(facts, patterns, labels), key=_size)
        if patterns[0] == 0:
            for bits in GAP_BITS:
                best = min(best, _sparse(facts, patterns, labels, bits), key=_size)
    if len(patterns) and patterns[0] == 0:
        for bits in GAP_BITS:
            best = min(best, _gaps(facts, raw, bits), key=_size)
    return best


def decode_tensor(facts: dict, pieces: list[bytes]) -> np.ndarray:
    """Return the tensor, equal to the last bit.

    Raises:
        ValueError: facts and pieces do not fit together. Nothing much larger than the tensor that
            the facts name is allocated.
    """
    try:
        return _decoded(facts, pieces)
    except (KeyError, TypeError, IndexError, OverflowError, MemoryError) as error:
        raise ValueError(f"a tensor is damaged ({type(error).__name__}: {error})") from None


def _decoded(facts: dict, pieces: list[bytes]) -> np.ndarray:
    kind = np.dtype(DTYPES[facts["dtype"]])
    whole = np.dtype(f"<u{kind.itemsize}")
    shape = tuple(facts["shape"])
    size = math.prod(shape)
    if facts["coding"] == "raw":
        (data,) = pieces
        if len(data) != size * kind.itemsize:
            raise ValueError(f"{len(data)} bytes are no tensor {shape} of {kind}")
        found = np.frombuffer(data, whole)
    elif facts["coding"] == "gaps":
        lengths, gap_data, data = pieces
        values = np.frombuffer(data, whole)
        gap = decode(gap_data, np.frombuffer(lengths, np.uint8), len(values))
        found = np.zeros(size, whole)
        found[places(gap, size)] = values
    else:
        patterns = np.frombuffer(pieces[0], whole)
        if facts["coding"] == "dense":
            labels = decode(pieces[2], np.frombuffer(pieces[1], np.uint8), size)
        elif facts["coding"] == "sparse":
            _, value_lengths, gap_lengths, value_data, gap_data = pieces
            value = decode(value_data, np.frombuffer(value_lengths, np.uint8), facts["count"])
            gap = decode(gap_data, np.frombuffer(gap_lengths, np.uint8), facts["count"])
            labels = filled_in(gap, value, size)
            patterns = np.concatenate([np.zeros(1, whole), patterns])
        else:
            raise ValueError(f"no tensor is coded as {facts['coding']!r}")
        if len(labels) and labels.max() >= len(patterns):
            raise ValueError(f"a label is beyond a codebook of {len(patterns)} values")
        found = patterns[labels]
    return found.astype(whole.newbyteorder("=")).view(kind).reshape(shape)


def _little(values: np.ndarray) -> np.ndarray:
    """Return the bit patterns of values as unsigned numbers, one after another."""
    whole = np.dtype(f"u{values.dtype.itemsize}")
    return np.ascontiguousarray(values).reshape(-1).view(whole).astype(whole.newbyteorder("<"))


def _dense(facts: dict, patterns: np.ndarray, labels: np.ndarray) -> tuple[dict, list[bytes]]:
    lengths = code_lengths(np.bincount(labels, minlength=len(patterns)))
    pieces = [patterns.tobytes(), lengths.tobytes(), encode(labels, lengths)]
    return {**facts, "coding": "dense"}, pieces


def _sparse(facts, patterns: np.ndarray, labels: np.ndarray, bits: int) -> tuple[dict, list[bytes]]:
    gap, value = gaps(labels, bits)
    value_lengths = code_lengths(np.bincount(value, minlength=len(patterns)))
    gap_lengths = code_lengths(np.bincount(gap, minlength=1 << bits))
    pieces = [
        patterns[1:].tobytes(), value_lengths.tobytes(), gap_lengths.tobytes(),
        encode(value, value_lengths), encode(gap, gap_lengths),
    ]  # fmt: skip
    return {**facts, "coding": "sparse", "count": len(gap)}, pieces


def _gaps(facts, raw: np.ndarray, bits: int) -> tuple[dict, list[bytes]]:
    gap, _ = gaps(raw != 0, bits)
    lengths = code_lengths(np.bincount(gap, minlength=1 << bits))
    values = raw[places(gap, len(raw))]  # of a filler, too: 0
    return {**facts, "coding": "gaps"}, [lengths.tobytes(), encode(gap, lengths), values.tobytes()]


def _size(stored: tuple[dict, list[bytes]]) -> int:
    return sum(map(len, stored[1]))
