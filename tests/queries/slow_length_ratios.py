"""He et al.'s agreement of length ratios, pair by pair as it is defined."""

import numpy as np


def slow_agreement(query, source, which, width, reach):
    scores = []
    for matches in which.T:
        rows = np.flatnonzero(matches >= 0)
        bins = np.zeros(int(np.ceil(2 * reach / width)))
        for a, i in enumerate(rows):
            for j in rows[:a]:
                p = np.linalg.norm(query[i] - query[j])
                q = np.linalg.norm(source[matches[i]] - source[matches[j]])
                if p > 0 and q > 0:
                    at = int(np.floor((np.log(p / q) + reach) / width))
                    if 0 <= at < len(bins):
                        bins[at] += 1
        pairs = len(rows) * (len(rows) - 1) / 2
        scores.append(bins.max() / pairs if pairs else 0)
    return np.array(scores)
