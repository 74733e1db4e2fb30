"""How far can a code of DRSCH be cut? 48 bits learned once, and shorter codes made of them.

Zhang et al. (2015) keep the heaviest bits of a long code (`mvs_lib.deep.methods.drsch`) in the
place of another network for each length. Here the network of `mvs_lib.benchmarks.campus_methods`
at 48 bits is cut three ways: by the weights; by the weights, which then also count in the distance
(`mvs_lib.search.weighted_hamming`); and by dice, the mean of `DRAWS` draws. Beside them stands what
a network of its own reaches at each length: the row of ``campus_methods`` with the same bits. Short
codes tie often; MAP is the mean over all orders of what ties.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from mvs_lib.benchmarks import kept_code
from mvs_lib.benchmarks.campus_methods import photos, recipe
from mvs_lib.benchmarks.deep_methods import Comparison
from mvs_lib.benchmarks.kept_rows import KeptRows
from mvs_lib.codes import pack, unpack
from mvs_lib.datasets.collection import Split
from mvs_lib.deep.encoding import encode
from mvs_lib.deep.methods import DRSCH
from mvs_lib.deep.network import HashNetwork
from mvs_lib.metrics import average_precision, mean_average_precision
from mvs_lib.search import weighted_hamming
from mvs_lib.search.weighted_hamming import weighted_hamming_distance

__all__ = ["BITS", "DRAWS", "LENGTHS", "cut_rows", "rows"]

BITS = 48
LENGTHS = (48, 40, 32, 24, 16, 12, 8, 6, 4)  # bits that are kept
DRAWS = 20


def rows(seeds: int = 3, quick: bool = False) -> Iterator[dict]:
    """Yield a row a seed, length and way to cut."""
    split, about = photos(quick)
    kept = KeptRows.of("campus_scalable", split, quick)
    for seed in range(seeds):
        everything = np.arange(len(split.source))
        comparison = Comparison(split, everything, about, seed, recipe(), quick)
        key = kept_code.key((comparison.key("drsch"), LENGTHS, DRAWS), weighted_hamming.__file__)
        start = {"method": "drsch", **about, "seed": seed}
        cut = {}

        def measured(how: tuple[str, int], seed=seed, comparison=comparison, cut=cut) -> dict:
            if not cut:
                network, method, _ = comparison.learn("drsch", BITS)
                cut.update(cut_rows(network.half().float(), method, split, seed))
            return cut[how]

        for bits in LENGTHS:
            for chosen in ("weights", "weights, which count", "dice"):
                row = {**start, "bits": bits, "chosen_by": chosen}
                name = f"{chosen.replace(', ', '-').replace(' ', '-')}-{bits}-{seed}-{key}"
                yield kept.row(name, row, partial(measured, (chosen, bits)))


def cut_rows(
    network: HashNetwork, method: DRSCH, split: Split, seed: int
) -> dict[tuple[str, int], dict]:
    """Measure the codes of a network, cut to all `LENGTHS`.

    Args:
        network: trained with ``method``.
        method: with its weights of the bits.
        split: the queries, and the database.
        seed: of the dice.

    Returns:
        By way to choose and bits: the MAP (Eq. 1) of the codes that are left, and the share of the
        squared weights that they hold.
    """
    query, source = (
        unpack(encode(network, part.images, progress=True), network.bits)
        for part in (split.query, split.source)
    )
    labels = split.query.labels, split.source.labels
    relevant = labels[0][:, None] == labels[1]
    weights = method.squared_weights().detach().cpu().numpy().astype(np.float64)
    random = np.random.default_rng(seed)

    def plain(chosen: np.ndarray) -> float:
        codes = pack(query[:, chosen]), pack(source[:, chosen])
        return mean_average_precision(codes[0], labels[0], codes[1], labels[1], ties="expected")

    found = {}
    for bits in LENGTHS:
        heavy = method.heaviest(bits)
        share = {"weight_share": round(float(weights[heavy].sum() / weights.sum()), 4)}
        distances = weighted_hamming_distance(
            pack(query[:, heavy]), pack(source[:, heavy]), weights[heavy]
        )
        weighted = average_precision(relevant, distances, ties="expected").mean()
        drawn = [plain(random.permutation(network.bits)[:bits]) for _ in range(DRAWS)]
        found["weights", bits] = {"map": round(plain(heavy), 4), **share}
        found["weights, which count", bits] = {"map": round(float(weighted), 4), **share}
        found["dice", bits] = {
            "map": round(float(np.mean(drawn)), 4),
            "map_least": round(min(drawn), 4),
            "map_most": round(max(drawn), 4),
        }
    return found
