"""The phone: export of the encoder, and the encoder as a process without torch.

This package itself imports nothing, so that ``mvs_lib.phone.encoder`` stays free of torch.
"""
