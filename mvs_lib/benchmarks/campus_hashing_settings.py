"""Which settings serve the supervised hashers on the campus? Chosen on held-back source photos.

As in `mvs_lib.benchmarks.campus_settings`: a tenth of the source photos of every place is asked
for, never a query. `mvs_lib.benchmarks.campus_hashing` uses points of this grid with a high MAP,
mean over the lengths.
"""

from collections.abc import Iterator

from mvs_lib.benchmarks.campus import measures
from mvs_lib.benchmarks.campus_hashing import METHODS
from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import validation_split
from mvs_lib.features import cached

__all__ = ["GRID", "rows"]

LENGTHS = (12, 48)
KERNELS = [  # width and regularisation: the wider the kernel, the less of the latter it bears
    *((0.1, rho) for rho in (1e-3, 1e-4)),
    *((0.3, rho) for rho in (1e-2, 1e-3, 1e-4, 1e-5)),
    *((1.0, rho) for rho in (1e-3, 1e-4, 1e-5, 1e-6)),
    *((3.0, rho) for rho in (1e-5, 1e-6)),
]
CLIMBED = ((0.3, 1e-3), (1.0, 1e-4))  # where KSH's gradient steps are tried: slow
GRID = {
    "itq_cca": [{"regularization": rho} for rho in (0.001, 0.003, 0.01, 0.03, 0.1, 1.0, 10.0)],
    "ksh": [
        {"anchors": 1000, "width": width, "regularization": rho, "steps": steps}
        for width, rho in KERNELS
        for steps in ((0, 30) if (width, rho) in CLIMBED else (0,))
    ],
    "sdh": [
        *(
            {"anchors": 1000, "width": width, "projection_ridge": ridge}
            for width in (0.1, 0.3, 1.0)
            for ridge in (0.0003, 0.003, 0.03)
        ),
        {"anchors": 1000, "width": 0.3, "projection_ridge": 0.3},
        {"anchors": 1000, "width": 1.0, "projection_ridge": 0.00003},
        *(
            {"anchors": 1000, "width": 0.3, "projection_ridge": 0.003, **more}
            for more in (
                {"fit_weight": 1e-4},
                {"fit_weight": 1e-3},
                {"fit_weight": 1e-2},
                {"classifier_ridge": 0.1},
                {"classifier_ridge": 10.0},
            )
        ),
    ],
}


def rows(seeds: int = 2, quick: bool = False) -> Iterator[dict]:
    """Yield a row a method, setting, length and seed."""
    photos = campus.load(places=12, source=240, query=60).source if quick else campus.load().source
    split = validation_split(photos, share=0.1, seed=0)
    protocol = f"validation: {len(split.query)} of {len(photos)} source photos held back"
    query, source = (
        cached.describe(part.images, progress=True) for part in (split.query, split.source)
    )
    for name, settings in GRID.items():
        for setting in settings[:1] if quick else settings:
            for bits in LENGTHS:
                for seed in range(seeds):
                    fitted = METHODS[name][0](bits=bits, random_state=seed, **setting)
                    fitted.fit(source, split.source.labels)
                    yield {
                        "method": name, "data": "campus", "bits": bits, "protocol": protocol,
                        "seed": seed, **setting,
                        **measures(fitted.encode(query), fitted.encode(source), split),
                    }  # fmt: skip
