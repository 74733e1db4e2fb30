"""What a photo is turned into before it is hashed: descriptors made by hand, not learned.

- `gist`: the global layout of oriented edges at four scales (512 numbers).
- `hog`: histograms of gradient orientation in overlapping blocks (1,764 numbers).
- `global_descriptor`: the one descriptor a photo that the course's traditional hashers take.
"""
