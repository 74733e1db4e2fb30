"""Every deep method on one trunk: what the benchmarks that compare them have in common.

`mvs_lib.benchmarks.cifar10_p1` and `mvs_lib.benchmarks.campus_methods` say the photos and the
recipe. The trunk first learns the classes, then each method learns its bits with it, for the same
number of epochs. How fast hash layer and trunk may learn, whether photos of a class come together,
and a variant that a method's own file names, are each method's own choice among a few, on held-back
photos (`mvs_lib.benchmarks.deep_methods_settings`): a rate that serves a classifier throws a
product of two codes out of its range, and a batch without similar pairs teaches no pair. A method
without labels learns none in its loss, but its trunk has: ``labels_seen`` says which. The methods
on vectors get the trunk's features, and the trunk stays; they also get a descriptor that no label
has touched, as most of them are published: ``features`` says which.

A row is kept as soon as it is measured, see `mvs_lib.benchmarks.kept_rows`.
"""

import inspect
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial

import numpy as np

from mvs_lib.benchmarks import kept_code
from mvs_lib.benchmarks.campus import measures
from mvs_lib.benchmarks.kept_rows import KeptRows
from mvs_lib.benchmarks.shipped import ship
from mvs_lib.benchmarks.trunk_file import trunk_file
from mvs_lib.datasets.collection import Split
from mvs_lib.deep import encoding, processes, recipe
from mvs_lib.deep.encoding import describe, encode
from mvs_lib.deep.methods import METHODS, VECTOR_METHODS
from mvs_lib.deep.methods.method import Method
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import History

__all__ = ["Comparison", "Recipe", "chosen_methods"]

SETTINGS = {field.name for field in fields(Settings)}


@dataclass(frozen=True)
class Recipe:
    """How all methods of a benchmark are taught, and what stands beside their figures."""

    benchmark: str
    trunk: dict  # of the network, see `HashNetwork`
    trunk_name: str
    pretraining: Settings
    hashing: Settings
    smoothing: float  # of the labels in the pretraining
    longest: int  # bits that the trunk's own, unused hash layer has
    descriptor: Callable[[np.ndarray], np.ndarray]  # photos to vectors, without labels
    descriptor_name: str
    choices: dict[str, dict]  # by a method's name: what it changes in ``hashing``, and arguments


def chosen_methods(only: list[str] | None) -> list[str]:
    """Return the methods asked for, all of them if none is.

    Raises:
        ValueError: there is no such method.
    """
    known = [*METHODS, *VECTOR_METHODS]
    if unknown := sorted(set(only or ()) - set(known)):
        raise ValueError(f"no method {', '.join(unknown)}: choose from {', '.join(known)}")
    return only or known


class Comparison:
    """The methods on the photos of a split, those that ``chosen`` teach, with one seed.

    Args:
        split: the queries, and the database.
        chosen: int ``(n,)``, which photos of the database are learned from.
        about: what every row says first: the data, the protocol.
        seed: of the trunk, the methods, the order and the views.
        recipe: see `Recipe`.
        quick: a rehearsal, which keeps nothing.

    Networks are measured with weights of 16 bits, since such are shipped. ``shipped`` takes the
    methods and lengths that shall come with the course when they are measured.
    """

    shipped: tuple[tuple[str, int], ...] = ()

    def __init__(
        self, split: Split, chosen: np.ndarray, about: dict, seed: int, recipe: Recipe, quick: bool
    ):
        self.split, self.chosen, self.seed, self.quick = split, chosen, seed, quick
        self.about, self.recipe = {**about, "seed": seed}, recipe
        self.taught = split.source.take(chosen)
        self.parts = split.query.images, split.source.images

    def rows(self, measured: list[tuple[str, int]], failed: list[str]) -> Iterator[dict]:
        """Yield the rows of methods and lengths, measured now or kept.

        Args:
            measured: pairs of method and bits.
            failed: takes a line for each row that could not be measured; the others are.
        """
        kept = KeptRows.of(self.recipe.benchmark, self.split, self.quick)
        for name, bits in measured:
            for features in ("trunk",) if name in METHODS else ("trunk", "descriptor"):
                row = {"method": name, "bits": bits, **self.about, "features": features}
                about = self._about(row)
                measure = partial(self._measured, name, bits, features)
                try:
                    if processes.first():
                        yield kept.row(about, row, measure)
                    elif not kept.there(about):
                        measure()
                except Exception as error:  # the next row must not wait for this one
                    traceback.print_exc()
                    failed.append(f"{name} at {bits} bits ({type(error).__name__}: {error})")

    def _about(self, row: dict) -> str:
        """Name a row by what is known of it before it is measured."""
        name = row["method"]
        return f"{name}-{row['features']}-{row['bits']}-{self.seed}-{self.key(name)}"

    def key(self, name: str) -> str:
        """Name what the figures of a method depend on besides photos, length and seed."""
        plan, hashing = self.recipe, self._hashing(name)
        about = (plan.trunk, plan.smoothing, plan.pretraining, hashing, plan.descriptor_name)
        about += (self._options(name),)
        code = (recipe.__file__, encoding.__file__, inspect.getfile(_method(name)))
        return kept_code.key(about, *code)

    def _hashing(self, name: str) -> Settings:
        """Return the settings of a method's hash training."""
        own = self.recipe.choices.get(name, {})
        return replace(self.recipe.hashing, **{k: v for k, v in own.items() if k in SETTINGS})

    def _options(self, name: str) -> dict:
        """Return the arguments that a method is made with."""
        own = self.recipe.choices.get(name, {})
        return {key: value for key, value in own.items() if key not in SETTINGS}

    def _settings(self, settings: Settings) -> Settings:
        return replace(settings, epochs=1, batch_size=50) if self.quick else settings

    @cached_property
    def _trunk(self) -> HashNetwork:
        plan, settings, state = self.recipe, self._settings(self.recipe.pretraining), None
        config = {**plan.trunk, "width": 8} if self.quick else plan.trunk
        if not self.quick:
            state = trunk_file(plan.benchmark, self.seed, plan.smoothing, config, settings)
        network, history = recipe.pretrain(
            self.taught, plan.longest, self.seed, settings, state,
            smoothing=plan.smoothing, **config,
        )  # fmt: skip
        if history.interrupted:  # half a trunk is not to be measured; its state is kept
            raise KeyboardInterrupt
        return network

    @cached_property
    def _trunk_features(self) -> list[np.ndarray]:
        return [describe(self._trunk, part, 500, progress=True) for part in self.parts]

    @cached_property
    def _descriptors(self) -> list[np.ndarray]:
        return [self.recipe.descriptor(part) for part in self.parts]

    def _measured(self, name: str, bits: int, features: str) -> dict:
        method = _method(name)
        measure = self._jointly if name in METHODS else self._on_vectors
        codes, about = measure(name, bits, features)
        if not processes.first():
            return {}
        seen = [] if features == "descriptor" else ["trunk"]
        seen += [] if method.supervision == "nothing" else ["loss"]
        row = {
            **measures(*codes, self.split),
            "supervision": method.supervision,
            "labels_seen": f"by {' and '.join(seen)}" if seen else "none",
            **about,
        }
        if (name, bits) in self.shipped and not self.quick:
            plan, hashing = self.recipe, self._hashing(name)
            about = {**self.about, "method": name, "bits": bits, **row}
            ship(self._network, about, self.taught, plan.benchmark, plan.pretraining, hashing)
        return row

    def learn(self, name: str, bits: int) -> tuple[HashNetwork, Method, History]:
        """Teach trunk and hash layer together, from the trunk that all methods start from.

        Returns:
            The network, the method with what it has learned itself, and what happened.

        Raises:
            KeyboardInterrupt: the stop button.
        """
        method = METHODS[name](**self._options(name))
        head = {} if method.head == "linear" else {"head": method.head}
        fresh = recipe.with_fresh_head(self._trunk, bits, self.seed, **head)
        settings = self._settings(self._hashing(name))
        network, history = recipe.learn_hash(fresh, method, self.taught, self.seed, settings)
        if history.interrupted:
            raise KeyboardInterrupt
        return network, method, history

    def _jointly(self, name: str, bits: int, _) -> tuple[list, dict]:
        """Teach trunk and hash layer together, encode all photos."""
        settings, options = self._settings(self._hashing(name)), self._options(name)
        network, _, history = self.learn(name, bits)
        about = {
            "trunk": self.recipe.trunk_name,
            "learning_rate": settings.learning_rate,
            "head_rate": settings.head_rate,
            "per_class": settings.per_class,
            "options": ", ".join(f"{key}={value}" for key, value in options.items()),
            "train_seconds": round(history.seconds, 1),
        }
        if not processes.first():
            return [], about
        self._network = network = network.half().float()
        return [encode(network, part, progress=True) for part in self.parts], about

    def _on_vectors(self, name: str, bits: int, features: str) -> tuple[list, dict]:
        """Teach a method by feature vectors, encode all vectors."""
        trunk = f"{self.recipe.trunk_name}, frozen"
        if features == "descriptor":
            trunk = f"none, {self.recipe.descriptor_name}"
        vectors = self._trunk_features if features == "trunk" else self._descriptors
        start = time.perf_counter()
        hasher = VECTOR_METHODS[name](bits=bits, random_state=self.seed)
        hasher.fit(vectors[1][self.chosen], self.taught.labels)
        about = {"trunk": trunk, "train_seconds": round(time.perf_counter() - start, 1)}
        return [hasher.encode(part) for part in vectors], about


def _method(name: str) -> type:
    return METHODS.get(name) or VECTOR_METHODS[name]
