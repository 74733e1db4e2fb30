"""Rows as the benchmark ``queries`` writes them, in small."""

from mvs_lib.queries.link import LINKS

PROTOCOL = "campus: 30 source photos, 12 query photos, 6 places"


def row(method, kind, size, score, top1=None, **more):
    return {
        "method": method,
        "kind": kind,
        "settings": "",
        "protocol": PROTOCOL,
        "seed": 0,
        "position": False,
        "labels": False,
        "bytes": size,
        "encode_ratio": 2.5,
        "index_bytes": 1234.5,
        "map": score,
        "top1": score if top1 is None else top1,
        **{f"seconds_{link.key}": round(link.seconds(round(size)), 3) for link in LINKS},
        **more,
    }


ROWS = [
    row("photo", "image", 40_000.0, 0.6, 0.95),
    row("thumbnail", "image", 1200.0, 0.3),
    row("thumbnail", "image", 900.0, 0.99, protocol="validation: 8 of 20 source photos held back"),
    row("words", "compressed features", 150.5, 0.5, 0.7, position=True, labels=True),
    row("deep <bits>", "hash bits", 9.0, 0.4),
    row("bag", "hash bits", 700.0, 0.45, 0.9),
]
