"""What the papers call the methods that results files know by the names of their classes."""

__all__ = ["method_name"]

NAMES = {
    "cnnhplus": "CNNH+",
    "deepautoencoder": "autoencoder",
    "deepbit": "DeepBit",
    "deephashing": "DH",
    "itq_cca": "ITQ-CCA",
    "supervisedbinarydeepnetwork": "SH-BDNN",
    "superviseddeephashing": "supervised DH",
    "unsupervisedbinarydeepnetwork": "UH-BDNN",
}


def method_name(method: str) -> str:
    """Return a method's name as its paper writes it.

    >>> method_name("unsupervisedbinarydeepnetwork"), method_name("ssdh")
    ('UH-BDNN', 'SSDH')
    """
    return NAMES.get(method, method.upper())
