"""The tables of compressed networks, of encoders on a phone, and of searches."""

from mvs_lib.benchmarks.readme_tables import TABLES


def compressed(method, size_ratio, macs_ratio, value, **more):
    row = {"net": "campus", "method": method, "data": "campus", "protocol": "campus: few photos"}
    row |= {"file_bytes": 1_500_000}
    row |= {"size_ratio": size_ratio, "macs_ratio": macs_ratio, "time_ratio": 1.25, "map": value}
    row |= {"zlib_bytes": 1_400_000, "peak_bytes": 21_000_000, "map_before": 0.92}
    return row | {"flipped_bits": 0.0123} | more


def test_compressed_networks_that_another_beats_are_left_out_and_yardsticks_are_not():
    rows = [
        compressed("original", 1.0, 1.0, 0.92),
        compressed("small", 30.0, 1.0, 0.91),
        compressed("beaten", 20.0, 1.0, 0.90),
        compressed("quick", 2.0, 4.0, 0.90),
        compressed("8 bits, ONNX Runtime", 3.9, 1.0, 0.89, zlib_bytes=None),
        compressed("original", 1.0, 1.0, 0.95, net="cifar10", data="CIFAR-10",
                   protocol="P2: few photos"),
    ]  # fmt: skip
    (head, *lines), below = TABLES["compress"](rows)
    assert [line[:2] for line in lines] == [
        ["campus", "original"], ["campus", "small"], ["campus", "quick"],
        ["campus", "8 bits, ONNX Runtime"], ["cifar10", "original"],
    ]  # fmt: skip
    assert lines[1][2:] == [
        "1,500,000", "30.0", "1,400,000", "1.00", "1.25", "21.0", "0.920", "0.910", "1.2 %",
    ]  # fmt: skip
    assert lines[3][4] == "" and all(len(line) == len(head) for line in lines)
    assert below[1].startswith("5 of 6 results")
    assert below[1].endswith("campus: few photos; cifar10: P2: few photos.")


def test_encoders_of_the_campus_and_below_them_the_least_memory_of_a_large_network():
    own = {"net": "campus", "method": "packed", "bytes": 86_807, "bits_equal": 0.99991}
    own |= {"map": 0.9, "cold_ms": 12.345, "median_ms": 0.6, "p90_ms": 0.7, "peak_bytes": 19.5e6}
    large = {"net": "AlexNet's shape", "method": "streamed", "peak_bytes": 30e6}
    rows = [
        own, large, large | {"peak_bytes": 28e6},
        large | {"method": "ONNX Runtime, whole", "peak_bytes": 250e6},
        large | {"method": "ONNX Runtime, convolutions", "peak_bytes": 20e6},
        {"net": "campus", "method": "predicted", "device": "a phone", "predicted_ms": 3.0},
    ]  # fmt: skip
    (head, *lines), below = TABLES["phone"](rows)
    assert lines == [["packed", "86,807", "99.99 %", "0.900", "12.35", "0.60", "0.70", "19.5"]]
    assert len(head) == len(lines[0])
    assert "takes 250 MB" in below[1] and "and 28 MB when" in below[1]


def test_a_set_of_codes_that_was_ever_slower_says_so():
    row = {"data": "uniform", "n": 1_000_000, "bits": 64, "k": 10, "mode": "chunks"}
    row |= {"ratio_to_flat": 9.72, "build_seconds": 0.2, "bytes_per_code": 49.2}
    rows = [
        row, row | {"mode": "batches", "ratio_to_flat": 10.1},
        row | {"k": 100, "ratio_to_flat": 0.97},
        row | {"n": 1_000, "ratio_to_flat": 1.5},
        row | {"mode": "growth", "exponent": 0.61, "flat_exponent": 1.0},
        {"mode": "exactness", "cases": 100_000, "mismatches": 0},
    ]  # fmt: skip
    del rows[4]["ratio_to_flat"]
    (head, *lines), below = TABLES["search"](rows)
    assert lines == [
        ["uniform", "1,000,000", 64, "9.7", "", "10.1", "yes, 0.97", "0.20", "49"],
        ["uniform", "1,000", 64, "1.5", "", "", "no, 1.5 at the least", "0.20", "49"],
    ]
    assert len(head) == len(lines[0])
    assert "uniform, 64 bits: 0.61 (flat: 1.00)" in below[1]
    assert below[1].endswith("0 of 100,000 random cases differ from a comparison with every code.")
