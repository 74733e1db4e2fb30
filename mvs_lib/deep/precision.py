"""Does this machine compute with bf16? Where it does not, a run in bf16 is a slower run.

A bf16 number keeps a float's range in 16 bits. Processors with arithmetic for it (AMX, AVX-512
BF16, graphics cards since 2020) train in about half the time; on all others torch takes generic
code, and a convolution takes ten times as long as in fp32.
"""

import torch

__all__ = ["computes_bf16"]

ARITHMETIC = ("amx_bf16", "avx512_bf16")  # of x86; elsewhere torch's bf16 is no faster than fp32


def computes_bf16(device: str | torch.device = "cpu") -> bool:
    """Return whether ``device`` has arithmetic for bf16 of its own that torch makes use of."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ARITHMETIC)
