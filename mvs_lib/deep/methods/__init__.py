"""Deep hashing methods: one file a paper, the equation whole in the file.

A method is a loss module. It is called with the network's named `Outputs` and the batch's labels
and returns a named tuple whose first field is ``total`` and whose other fields are its terms.
"""

from mvs_lib.deep.methods.csq import CSQ
from mvs_lib.deep.methods.dhn import DHN
from mvs_lib.deep.methods.dlbh import DLBH
from mvs_lib.deep.methods.dpsh import DPSH
from mvs_lib.deep.methods.dsprh import DSPRH
from mvs_lib.deep.methods.ssdh import SSDH

__all__ = ["CSQ", "DHN", "DLBH", "DPSH", "DSPRH", "METHODS", "SSDH"]

METHODS = {
    "csq": CSQ,
    "dhn": DHN,
    "dlbh": DLBH,
    "dpsh": DPSH,
    "dsprh": DSPRH,
    "ssdh": SSDH,
}
