"""Huffman codes: decoded as they were, as short as the theory and a peer say, and never misled."""

import dahuffman
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.compress.huffman import LONGEST, code_lengths, codewords, decode, encode

SYMBOLS = st.lists(st.integers(0, 40), min_size=1, max_size=300).map(np.array)


def entropy(counts):
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())


@given(SYMBOLS)
def test_what_is_encoded_is_decoded_at_no_more_than_a_bit_above_the_entropy(symbols):
    counts = np.bincount(symbols, minlength=50)
    lengths = code_lengths(counts)
    data = encode(symbols, lengths)
    assert np.array_equal(decode(data, lengths, len(symbols)), symbols)
    mean = float((counts * lengths).sum() / len(symbols))
    if np.count_nonzero(counts) > 1:
        assert entropy(counts) - 1e-9 <= mean < entropy(counts) + 1
    assert len(data) == -(-int((counts * lengths).sum()) // 8)


@given(SYMBOLS)
def test_a_peer_s_codes_are_as_long_in_all(symbols):
    counts = np.bincount(symbols)
    counts = np.append(counts, 1)  # the peer's codes also have a symbol for the end
    peer = dahuffman.HuffmanCodec.from_frequencies(
        {symbol: int(count) for symbol, count in enumerate(counts) if count}, eof=len(counts) - 1
    )
    theirs = sum(bits * counts[symbol] for symbol, (bits, _) in peer.get_code_table().items())
    assert int((counts * code_lengths(counts)).sum()) == theirs


@given(SYMBOLS)
def test_no_codeword_begins_another_and_together_they_fill_the_tree(symbols):
    lengths = code_lengths(np.bincount(symbols))
    used = np.flatnonzero(lengths)
    words = [
        f"{word:0{bits}b}"
        for word, bits in zip(codewords(lengths)[used], lengths[used], strict=True)
    ]
    assert not any(a != b and b.startswith(a) for a in words for b in words)
    assert len(set(words)) == len(words)
    if len(words) > 1:
        assert sum(2.0 ** -len(word) for word in words) == 1


def test_counts_that_make_the_longest_codes():
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = code_lengths(np.array(fibonacci))
    assert lengths.max() == 39 < LONGEST
    symbols = np.array([0, 39, 1, 38, 20])
    assert np.array_equal(decode(encode(symbols, lengths), lengths, 5), symbols)


def test_one_symbol_and_none():
    lengths = code_lengths(np.array([0, 7]))
    assert lengths.tolist() == [0, 1]
    assert np.array_equal(decode(encode([1] * 9, lengths), lengths, 9), [1] * 9)
    assert encode([], lengths) == b"" and len(decode(b"", lengths, 0)) == 0
    assert code_lengths(np.zeros(3, int)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [([1, 1, 1], "no Huffman code"), ([2, 2], "no Huffman code"), ([60], "codeword has"),
     ([0.5], "whole numbers")],
)  # fmt: skip
def test_lengths_of_no_code_are_refused(lengths, message):
    with pytest.raises(ValueError, match=message):
        codewords(np.array(lengths))
    with pytest.raises(ValueError, match=message):
        decode(b"\0", np.array(lengths), 1)


def test_damaged_data_are_refused():
    symbols = np.random.default_rng(0).geometric(0.3, 200).clip(max=9)
    lengths = code_lengths(np.bincount(symbols))
    data = encode(symbols, lengths)
    for wrong, count in ((data[:-1], 200), (data + b"\0", 200), (data, 201 + 8), (data, 150),
                         (data, 10**12), (data, -1)):  # fmt: skip
        with pytest.raises(ValueError, match=r"damaged|cannot hold"):
            decode(wrong, lengths, count)
    with pytest.raises(ValueError, match="damaged"):
        decode(b"\xff", code_lengths(np.array([0, 3])), 1)  # a code of one symbol knows no 1
    with pytest.raises(ValueError, match="has no code"):
        encode([0], lengths)
    with pytest.raises(ValueError, match="symbols must lie in"):
        encode([len(lengths)], lengths)
    with pytest.raises(ValueError, match="whole numbers >= 0"):
        code_lengths(np.array([-1]))
