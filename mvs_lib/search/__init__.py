"""Indexes of codes: exact search by Hamming distance."""
