"""Deep hashing for mobile visual search: the library that the course shows and teaches.

A photo walks through the house once: photo, features, bits, phone, network, index, place. Each
sub-package is one stage of that road. Importing this package imports nothing heavy; in particular
it never imports torch, so that the phone's encoder process can stay without it.
"""

__version__ = "0.1.0"
