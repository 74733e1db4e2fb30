"""Bits in a row: fixed widths, and the codes of Elias and Rice for small numbers.

Compressed features are seldom whole bytes, so their systems write bits. Elias (1975) codes a
number n >= 1 in 2 floor(log2 n) + 1 bits; Rice (1979) codes n >= 0 as n >> shift ones, a zero and
``shift`` low bits, which is the shortest code for gaps that fall off geometrically.
"""

from mvs_lib.queries.payload import PayloadError

__all__ = ["BitReader", "BitWriter", "rice_shift"]


class BitWriter:
    """Collects bits, most significant first.

    >>> writer = BitWriter()
    >>> writer.write(5, 3)
    >>> writer.elias_gamma(4)
    >>> writer.getvalue().hex()
    'a4'
    """

    def __init__(self):
        self._bits: list[str] = []

    def __len__(self) -> int:
        """How many bits were written."""
        return sum(map(len, self._bits))

    def write(self, value: int, width: int) -> None:
        """Write ``value`` in ``width`` bits.

        Raises:
            ValueError: it does not fit.
        """
        value, width = int(value), int(width)
        if value < 0 or width < 0 or value >> width:
            raise ValueError(f"{value} does not fit {width} bits")
        if width:
            self._bits.append(format(value, f"0{width}b"))

    def elias_gamma(self, value: int) -> None:
        """Write a whole number >= 1.

        Raises:
            ValueError: it is smaller.
        """
        if value < 1:
            raise ValueError(f"Elias gamma codes numbers >= 1, got {value}")
        digits = format(int(value), "b")
        self._bits.append("0" * (len(digits) - 1) + digits)

    def rice(self, value: int, shift: int) -> None:
        """Write a whole number >= 0.

        Raises:
            ValueError: it is smaller.
        """
        if value < 0:
            raise ValueError(f"Rice codes numbers >= 0, got {value}")
        self._bits.append("1" * (int(value) >> shift) + "0")
        self.write(int(value) & ((1 << shift) - 1), shift)

    def getvalue(self) -> bytes:
        """Return the bits as bytes, the last one filled up with zeros."""
        bits = "".join(self._bits)
        size = (len(bits) + 7) // 8
        return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size, "big")


class BitReader:
    """Reads what `BitWriter` wrote."""

    def __init__(self, data: bytes):
        self._bits = format(int.from_bytes(data, "big"), f"0{8 * len(data)}b") if data else ""
        self._at = 0

    def read(self, width: int) -> int:
        """Read a number of ``width`` bits.

        Raises:
            PayloadError: fewer bits are left.
        """
        end = self._at + width
        if end > len(self._bits):
            raise PayloadError(f"the payload ends after {len(self._bits)} bits, {end} were needed")
        digits, self._at = self._bits[self._at : end], end
        return int(digits, 2) if digits else 0

    def elias_gamma(self) -> int:
        """Read a whole number >= 1.

        Raises:
            PayloadError: the bits end before it does.
        """
        one = self._find("1")
        zeros, self._at = one - self._at, one
        return self.read(zeros + 1)

    def rice(self, shift: int) -> int:
        """Read a whole number >= 0.

        Raises:
            PayloadError: the bits end before it does.
        """
        zero = self._find("0")
        high, self._at = zero - self._at, zero + 1
        return (high << shift) | self.read(shift)

    def finish(self) -> None:
        """Check that only the filling of the last byte is left.

        Raises:
            PayloadError: there is more, or it is not zero.
        """
        rest = self._bits[self._at :]
        if len(rest) > 7 or "1" in rest:
            raise PayloadError(f"{len(rest)} bits are left over at the payload's end")

    def _find(self, digit: str) -> int:
        at = self._bits.find(digit, self._at)
        if at < 0:
            raise PayloadError(f"the payload ends after {len(self._bits)} bits, amid a number")
        return at


def rice_shift(mean: float) -> int:
    """Return the shift with which gaps of this mean take the fewest bits, 0..30.

    Under a geometric law of mean m, rho = m / (m + 1), a Rice code of shift s takes
    1 + s + rho^(2^s) / (1 - rho^(2^s)) bits on average.
    """
    rho = mean / (mean + 1)
    shift = 0
    while shift < 30 and _rice_bits(rho, shift + 1) < _rice_bits(rho, shift):
        shift += 1
    return shift


def _rice_bits(rho: float, shift: int) -> float:
    rest = rho ** (1 << shift)
    return 1 + shift + rest / (1 - rest)
