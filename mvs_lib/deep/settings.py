"""What a training run is made of, and the rate of each of its steps. Taught in notebook 03."""

from dataclasses import asdict, dataclass, fields

__all__ = ["Settings", "learning_rate"]


@dataclass(frozen=True)
class Settings:
    """What a run is made of, apart from its photos, network and loss.

    Raises:
        ValueError: a value out of its range.
    """

    epochs: int = 12
    batch_size: int = 64  # small batches mean many steps: the run is short of steps, not of data
    learning_rate: float = 0.1  # peak; SGD with Nesterov momentum
    kernel_rate: float = 1.0  # the trunk's matrices go by Muon, at this share of learning_rate
    momentum: float = 0.9  # of all but the trunk's matrices
    weight_decay: float = 5e-4  # as in the released solvers of DLBH and SSDH
    warmup: float = 0.1  # share of the steps in which the rate climbs; then it falls to zero
    head_rate: float = 1.0  # the hash layer and classifier learn this many times faster
    precision: str = "fp32"  # or "bf16": half the time where the machine has it; fp32 elsewhere
    augment: float = 0.5  # strength of the random views: 0 none, 1 the full ranges of Augmentation
    mirror: bool = False  # show each photo mirrored in every second epoch; not for signs
    shift: int = 0  # pixels that each photo moves at most, sideways and up or down
    cover: int = 0  # side in pixels of a grey square laid over each photo
    small_share: float = 0.0  # share of the epochs, the first ones, that see the photos smaller
    small_side: int = 24  # at so many pixels: half the work of 32, and nearly all of the lesson
    per_class: int = 0  # photos of a class that come together in a batch; 0: as they fall
    seed: int = 0  # of the initial weights, the order of the photos and the augmentation

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(
                f"need epochs >= 1 and batch_size >= 2, got {self.epochs} and {self.batch_size}"
            )
        if self.learning_rate <= 0 or not 0 <= self.warmup < 1:
            raise ValueError(
                "need learning_rate > 0 and 0 <= warmup < 1, "
                f"got {self.learning_rate} and {self.warmup}"
            )
        if not 0 <= self.augment <= 1:
            raise ValueError(f"augment must lie in 0..1, got {self.augment}")
        if self.shift < 0 or self.cover < 0 or self.small_side < 1:
            raise ValueError(
                "need shift >= 0, cover >= 0 and small_side >= 1 pixels, got "
                f"{self.shift}, {self.cover} and {self.small_side}"
            )
        if self.per_class < 0:
            raise ValueError(f"per_class must be >= 0, got {self.per_class}")
        if not 0 <= self.small_share <= 1:
            raise ValueError(f"small_share must lie in 0..1, got {self.small_share}")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision must be 'fp32' or 'bf16', got {self.precision!r}")

    def described(self) -> dict:
        """Return what a run is recognised by: every field, but the newer ones only if they matter.

        A run that was stored before a setting existed had its default.
        """
        newer = ("mirror", "shift", "cover", "small_share", "small_side", "per_class")
        default = {field.name: field.default for field in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in newer or value != default[name]
        }


def learning_rate(settings: Settings, step: int, steps: int) -> float:
    """Return the rate of one step: a straight climb to the peak, then a straight fall to zero.

    Args:
        settings: the peak, and the share of the steps in which the rate climbs.
        step: 0 to ``steps - 1``.
        steps: of the whole run; the step after the last one would have the rate zero.
    """
    climb = settings.warmup * steps
    if step < climb:
        return settings.learning_rate * (step + 1) / (climb + 1)
    return settings.learning_rate * (steps - step) / (steps - climb)
