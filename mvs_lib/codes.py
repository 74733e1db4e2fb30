"""Binary codes: the one currency of the house. Taught in notebook 02.

A code of ``bits`` bits is stored in ``ceil(bits / 8)`` bytes, most significant bit first
(``np.packbits`` order, which is also what faiss's binary indexes take). Padding bits are zero, so
that they never add to a distance.
"""

import numpy as np

__all__ = ["binarize", "bytes_per_code", "check_codes", "hamming_distance", "pack", "unpack"]


def bytes_per_code(bits: int) -> int:
    """Return how many bytes a code of ``bits`` bits occupies: ``ceil(bits / 8)``.

    Raises:
        ValueError: ``bits`` is not a positive whole number.
    """
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or bits < 1:
        raise ValueError(f"bits must be a positive whole number, got {bits!r}")
    return (int(bits) + 7) // 8


def pack(bits: np.ndarray) -> np.ndarray:
    """Pack 0/1 values ``(n, bits)`` (bool or integer) into codes, uint8 ``(n, ceil(bits / 8))``.

    >>> pack(np.array([[1, 0, 0, 0, 0, 0, 0, 1, 1]]))
    array([[129, 128]], dtype=uint8)

    Raises:
        ValueError: the array is not two-dimensional, has no columns, or holds other values.
    """
    bits = np.asarray(bits)
    if bits.ndim != 2 or bits.shape[1] == 0:
        raise ValueError(f"bits must have shape (n, bits) with bits >= 1, got {bits.shape}")
    if bits.dtype != bool:
        if bits.dtype.kind not in "iu" or (bits.size and not np.isin(bits, (0, 1)).all()):
            raise ValueError(
                f"bits must be bool or 0/1 integers, got dtype {bits.dtype}; "
                "for real-valued projections call binarize(), which thresholds at zero"
            )
        bits = bits.astype(bool)
    return np.packbits(bits, axis=1)


def unpack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Unpack codes, uint8 ``(n, ceil(bits / 8))``, into 0/1 values, uint8 ``(n, bits)``.

    Raises:
        ValueError: see `check_codes`.
    """
    return np.unpackbits(check_codes(codes, bits), axis=1, count=bits)


def binarize(projection: np.ndarray) -> np.ndarray:
    """Threshold real values ``(n, bits)`` at zero and pack them: bit 1 where the value is >= 0.

    >>> binarize(np.array([[0.0, -0.1, 3.0]]))
    array([[160]], dtype=uint8)

    Raises:
        ValueError: the array is not two-dimensional or holds NaN (a NaN has no side).
    """
    projection = np.asarray(projection)
    if projection.ndim != 2 or projection.dtype.kind not in "fiu":
        raise ValueError(
            f"projection must be real with shape (n, bits), got {projection.dtype} "
            f"{projection.shape}"
        )
    if np.isnan(projection).any():
        raise ValueError("projection holds NaN: check the features for missing values")
    return pack(projection >= 0)


def check_codes(codes: np.ndarray, bits: int | None = None, name: str = "codes") -> np.ndarray:
    """Return ``codes`` as a C-contiguous uint8 array ``(n, bytes)`` or say what is wrong with it.

    With ``bits`` given, the width must be ``ceil(bits / 8)`` and the padding bits zero.

    Raises:
        ValueError: wrong dtype, wrong number of dimensions, wrong width, or padding bits set.
    """
    codes = np.asarray(codes)
    if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] == 0:
        raise ValueError(
            f"{name} must be uint8 with shape (n, bytes), got {codes.dtype} {codes.shape}; "
            "make codes with pack() or binarize()"
        )
    if bits is not None:
        width = bytes_per_code(bits)
        if codes.shape[1] != width:
            raise ValueError(
                f"{name} of {bits} bits must be {width} bytes wide, got {codes.shape[1]}"
            )
        padding = 8 * width - bits
        if padding and (codes[:, -1] & ((1 << padding) - 1)).any():
            raise ValueError(
                f"{name}: the last {padding} bits of every {bits}-bit code are padding and must "
                "be zero; make codes with pack() or binarize()"
            )
    return np.ascontiguousarray(codes)


def hamming_distance(query: np.ndarray, database: np.ndarray) -> np.ndarray:
    """Count differing bits between every query and every database code.

    Args:
        query: uint8 ``(q, bytes)``.
        database: uint8 ``(n, bytes)``, equally wide.

    Returns:
        int32 ``(q, n)``.

    >>> hamming_distance(np.uint8([[0b10100000]]), np.uint8([[0b10000001]]))
    array([[2]], dtype=int32)

    Raises:
        ValueError: see `check_codes`; or the two widths differ.
    """
    query = check_codes(query, name="query codes")
    database = check_codes(database, name="database codes")
    if query.shape[1] != database.shape[1]:
        raise ValueError(
            f"query codes are {query.shape[1]} bytes wide but database codes "
            f"{database.shape[1]}: both must come from the same hasher"
        )
    distance = np.zeros((len(query), len(database)), np.int32)
    for byte in range(query.shape[1]):  # one byte column at a time keeps memory at (q, n)
        distance += np.bitwise_count(query[:, byte, None] ^ database[None, :, byte])
    return distance
