"""Traditional hash functions: from a descriptor to bits, without a deep network.

Every hasher is a scikit-learn estimator: ``fit(features)`` learns the hash functions, ``project``
gives the real values and ``encode`` the packed codes (bit 1 where the value is >= 0).

>>> import numpy as np
>>> features = np.random.default_rng(0).normal(size=(100, 64))
>>> codes = ITQ(bits=48).fit(features).encode(features)
>>> codes.shape, codes.dtype
((100, 6), dtype('uint8'))
"""

from mvs_lib.hashing.itq import ITQ
from mvs_lib.hashing.itq_cca import ITQCCA
from mvs_lib.hashing.ksh import KSH
from mvs_lib.hashing.lsh import LSH
from mvs_lib.hashing.pcah import PCAH
from mvs_lib.hashing.spectral import SH
from mvs_lib.hashing.supervised_discrete import SupervisedDiscreteHashing

__all__ = ["ITQ", "ITQCCA", "KSH", "LSH", "PCAH", "SH", "SupervisedDiscreteHashing"]
