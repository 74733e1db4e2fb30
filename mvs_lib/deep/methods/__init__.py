"""Deep hashing methods: one file a paper, the equation whole in the file.

A method is a loss module. It is called with the network's named `Outputs` and the batch's labels
and returns a named tuple whose first field is ``total`` and whose other fields are its terms.
"""

from mvs_lib.deep.methods.autoencoder import DeepAutoencoder
from mvs_lib.deep.methods.binary_deep_network import (
    SupervisedBinaryDeepNetwork,
    UnsupervisedBinaryDeepNetwork,
)
from mvs_lib.deep.methods.cnnh import CNNH, CNNHPlus
from mvs_lib.deep.methods.csq import CSQ
from mvs_lib.deep.methods.deep_hashing_liong import DeepHashing, SupervisedDeepHashing
from mvs_lib.deep.methods.deepbit import DeepBit
from mvs_lib.deep.methods.dhn import DHN
from mvs_lib.deep.methods.dlbh import DLBH
from mvs_lib.deep.methods.dnnh import DNNH
from mvs_lib.deep.methods.dpsh import DPSH
from mvs_lib.deep.methods.drsch import DRSCH
from mvs_lib.deep.methods.dsprh import DSPRH
from mvs_lib.deep.methods.dsrh import DSRH
from mvs_lib.deep.methods.relative_similarity import DLH
from mvs_lib.deep.methods.ssdh import SSDH

METHODS = {
    "cnnh": CNNH,
    "cnnhplus": CNNHPlus,
    "csq": CSQ,
    "deepbit": DeepBit,
    "dhn": DHN,
    "dlbh": DLBH,
    "dlh": DLH,
    "dnnh": DNNH,
    "dpsh": DPSH,
    "drsch": DRSCH,
    "dsprh": DSPRH,
    "dsrh": DSRH,
    "ssdh": SSDH,
}

# These do not go through the training loop: they learn on fixed feature vectors (or pixels), by
# turns of their own, and are scikit-learn estimators like the hashers of `mvs_lib.hashing`.
VECTOR_METHODS = {
    "deepautoencoder": DeepAutoencoder,
    "deephashing": DeepHashing,
    "supervisedbinarydeepnetwork": SupervisedBinaryDeepNetwork,
    "superviseddeephashing": SupervisedDeepHashing,
    "unsupervisedbinarydeepnetwork": UnsupervisedBinaryDeepNetwork,
}

__all__ = ["METHODS", "VECTOR_METHODS"]
__all__ += [method.__name__ for method in (*METHODS.values(), *VECTOR_METHODS.values())]
