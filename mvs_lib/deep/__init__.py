"""Deep hashing: the network, the training loop, and one file a method."""

from mvs_lib.deep.encoding import encode, project
from mvs_lib.deep.network import HashNetwork, Outputs

__all__ = ["HashNetwork", "Outputs", "encode", "project"]
