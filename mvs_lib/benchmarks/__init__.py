"""Measurements whose results are kept in ``data/results``: one file a benchmark."""
