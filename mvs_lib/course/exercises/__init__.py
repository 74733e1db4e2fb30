"""The exercises, one file a notebook: reference, cases, and the mistakes that have a hint.

An exercise file reads like this; ``start_here.py`` is a complete one::

    exercise = Exercise("0.1", "Hamming distance of two packed codes", minutes=5)

    @exercise.reference
    def distance(a, b): ...                 # the right answer

    @exercise.cases
    def cases(): yield a, b                 # tuples of arguments: edges first, then seeded random

    @exercise.mistake("Count bits, not bytes: np.bitwise_count ...")
    def counts_bytes(a, b): ...             # what a learner typically writes, and its hint
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module

__all__ = ["MODULES", "Exercise", "Mistake", "find", "of_notebook"]

# Imported only when one of its exercises is asked for: some need torch.
MODULES = {
    "00": "start_here",
    "01": "mobile_visual_search",
    "02": "traditional_hash_bits",
    "03": "deep_hashing",
    "04": "pairs_and_triplets",
    "05": "hashing_without_labels",
    "06": "faster_convolutions",
    "07": "smaller_models",
    "08": "phone_encoder",
    "09": "multi_index_search",
    "10": "location_recognition",
    "11": "open_issues",
    "12": "beyond_one_machine",
    "13": "your_own_photos",
}
_registry: dict[str, "Exercise"] = {}


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer, what it computes, and the hint that belongs to it."""

    name: str
    hint: str
    function: Callable


@dataclass
class Exercise:
    """One exercise; registered under its id when made.

    Args:
        id: ``"2.1"``: the notebook's number (without leading zero) and the exercise's.
        title: what is to be written, in a few words.
        minutes: what it should take.
        hint: what to say of a wrong answer that is none of the known mistakes.
        relative, absolute: tolerance for real values; integers, bools and shapes are exact.
    """

    id: str
    title: str
    minutes: int = 10
    hint: str = "Work this case through by hand and compare."
    relative: float = 1e-5
    absolute: float = 1e-8
    mistakes: list[Mistake] = field(default_factory=list)
    solution: Callable | None = None
    make_cases: Callable[[], Iterable[tuple]] | None = None

    def __post_init__(self):
        number, _, rest = self.id.partition(".")
        if not (number.isdigit() and rest.isdigit()):
            raise ValueError(f"an exercise's id looks like '2.1', got {self.id!r}")
        _registry[self.id] = self

    def reference(self, function: Callable) -> Callable:
        """Register the right answer (decorator)."""
        self.solution = function
        return function

    def cases(self, function: Callable[[], Iterable[tuple]]) -> Callable:
        """Register what yields the cases, tuples of arguments, the same each time (decorator)."""
        self.make_cases = function
        return function

    def mistake(self, hint: str) -> Callable[[Callable], Callable]:
        """Register a typical wrong answer with its hint, one sentence (decorator)."""

        def register(function: Callable) -> Callable:
            self.mistakes.append(Mistake(function.__name__, hint, function))
            return function

        return register


def of_notebook(notebook: str) -> list[Exercise]:
    """Return the exercises of a notebook (``"02"``), in order; none if it has no exercise file.

    Raises:
        ValueError: the course has no such notebook.
    """
    if notebook not in MODULES:
        raise ValueError(f"no notebook {notebook!r}; there are: {', '.join(MODULES)}")
    module = f"{__name__}.{MODULES[notebook]}"
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
    own = [each for each in _registry.values() if each.id.split(".")[0] == str(int(notebook))]
    return sorted(own, key=lambda each: int(each.id.split(".")[1]))


def find(exercise_id: str) -> Exercise:
    """Return an exercise by its id (``"2.1"``).

    Raises:
        ValueError: there is no such exercise.
    """
    number = str(exercise_id).partition(".")[0].zfill(2)
    known = of_notebook(number) if number in MODULES else []
    for exercise in known:
        if exercise.id == exercise_id:
            return exercise
    raise ValueError(
        f"there is no exercise {exercise_id}"
        + (f"; notebook {number} has {', '.join(e.id for e in known)}" if known else "")
    )
