"""Does this machine compute with bf16? Where it does not, a run in bf16 is a slower run.

A bf16 number keeps a float's range in 16 bits. Processors with arithmetic for it (AMX, AVX-512
BF16, graphics cards since 2020) train in about half the time; on all others torch takes generic
code, and a convolution takes ten times as long as in fp32. In between lie Intel's processors that
have AMX, in a virtual machine that hides it: their AVX-512 BF16 is there for compatibility, and a
step of training in bf16 took 1.3 to 1.5 times as long there as in fp32.
"""

import torch

__all__ = ["computes_bf16"]


def computes_bf16(device: str | torch.device = "cpu") -> bool:
    """Return whether ``device`` has arithmetic for bf16 of its own that torch makes use of."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    able = torch.cpu.get_capabilities()  # of x86; elsewhere torch's bf16 is no faster than fp32
    # Intel's processors with half-precision vectors (AVX-512 FP16) are those that have AMX
    hidden = "Intel" in str(able.get("cpu_name")) and able.get("avx512_fp16", False)
    return able.get("amx_bf16", False) or (able.get("avx512_bf16", False) and not hidden)
