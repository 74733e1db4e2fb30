"""Where is bf16 faster? Only where the processor has arithmetic for it."""

import pytest
import torch

from mvs_lib.deep.precision import computes_bf16


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx2": True, "avx512_bf16": True, "amx_bf16": False}, True),
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": True}, True),
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "avx512_fp16": True}, False),
        (
            {"cpu_name": "Intel Xeon", "avx512_bf16": True, "avx512_fp16": True, "amx_bf16": True},
            True,
        ),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True, "avx512_fp16": True}, True),
        ({"architecture": "arm64", "neon": True}, False),
    ],
)
def test_a_processor_is_asked_for_bf16_arithmetic_itself(monkeypatch, able, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert computes_bf16("cpu") is expected
    assert computes_bf16(torch.device("cpu")) is expected


def test_a_graphics_card_is_asked_without_emulation(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **how: asked.append(how) or True)
    assert computes_bf16("cuda:0")
    assert asked == [{"including_emulation": False}]
    assert not computes_bf16("meta")


def test_this_processor_says_what_its_system_says():
    try:
        with open("/proc/cpuinfo", encoding="ascii") as file:
            text = file.read()
    except OSError:
        pytest.skip("no /proc/cpuinfo here")
    words = set(text.split())
    if "flags" not in words:
        pytest.skip("not a processor of x86")
    hidden = "GenuineIntel" in words and "avx512_fp16" in words
    assert computes_bf16() == ("amx_bf16" in words or ("avx512_bf16" in words and not hidden))
