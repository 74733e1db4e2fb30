"""Make a trained network cheaper: fewer operations, fewer bytes. One file a paper."""
