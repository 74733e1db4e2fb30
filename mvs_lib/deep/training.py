"""The training loop: one for every deep method, and it knows none of them by name.

Taught in notebook 03. The loop calls a loss module with the network's named outputs and the
batch's labels, and steps on the ``total`` of the named tuple that comes back. Everything else
(plots, validation, early stops) is a `Callback`.
"""

import hashlib
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import resume
from mvs_lib.deep.augmentation import Augmentation
from mvs_lib.deep.methods.method import Method
from mvs_lib.deep.muon import Muon
from mvs_lib.deep.network import HashNetwork

__all__ = ["Callback", "History", "Settings", "build_network", "train"]


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
    precision: str = "fp32"  # or "bf16": half the time on processors with bf16 arithmetic
    augment: float = 0.5  # strength of the random views: 0 none, 1 the full ranges of Augmentation
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
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision must be 'fp32' or 'bf16', got {self.precision!r}")


@dataclass
class History:
    """What happened: for each finished epoch, the mean of each loss term over the epoch."""

    terms: dict[str, list[float]] = field(default_factory=dict)
    epochs: int = 0  # finished, those of an earlier sitting included
    seconds: float = 0.0  # spent on the finished epochs, likewise
    interrupted: bool = False


class Callback:
    """Something that looks on. Override what you need; return True from `on_epoch` to stop."""

    def on_step(self, step: int, steps: int, terms: tuple) -> None:
        """Called after each step with the named tuple of loss terms (scalar tensors, detached).

        ``step`` counts from 0 to ``steps - 1`` over the whole run, earlier sittings included.
        """

    def on_epoch(self, network: HashNetwork, history: History) -> bool | None:
        """Called after each epoch, the network in evaluation mode; return True to stop."""


def build_network(settings: Settings, **config) -> HashNetwork:
    """Return a fresh `HashNetwork` whose initial weights follow from ``settings.seed`` alone.

    Args:
        settings: only the seed is read; torch's own random numbers are left as they were.
        **config: given to `HashNetwork`.

    Raises:
        ValueError: see `HashNetwork`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = HashNetwork(**config)
    return network.to(memory_format=torch.channels_last)  # the photos' own order: no copies


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


def train(
    network: HashNetwork,
    loss: nn.Module,
    photos: Photos,
    settings: Settings | None = None,
    *,
    callbacks: tuple[Callback, ...] = (),
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train ``network`` in place on ``photos``.

    Args:
        network: as from `build_network`; on whichever device it lies.
        loss: one of `mvs_lib.deep.methods`, or a module of yours with the same signature.
        photos: at least two; images uint8 ``(n, h, w, 3)``, square if ``settings.augment``, and
            labels in ``0..classes - 1``.
        settings: defaults if None.
        callbacks: see `Callback`.
        checkpoint: a ``.safetensors`` file that is written after every epoch. If it exists, the
            run takes up where it stopped; interrupting the run (the stop button) loses at most
            the epoch in progress.
        progress: show a progress bar with the loss.

    Returns:
        `History`. After an interruption ``history.interrupted`` is True and the network holds
        the weights of that moment.

    Raises:
        ValueError: fewer than two photos, labels beyond the classifier, a checkpoint that is
            damaged or of another run, or a loss that became NaN or infinite; the network then
            holds the weights that gave that loss.
    """
    settings = settings or Settings()
    _check(network, photos)
    device = next(network.parameters()).device
    labels = torch.from_numpy(photos.labels.copy()).to(device)
    if isinstance(loss, Method):
        loss.prepare(photos, network.bits, settings.seed)
    optimizer = _optimizer(network, loss, settings)
    history = History()
    state = nn.ModuleDict({"network": network, "loss": loss.to(device)})  # a loss may learn too
    if checkpoint is not None:
        run = {"settings": asdict(settings), "network": network.config, "loss": _describe(loss)}
        run["photos"] = _digest(photos)
    if checkpoint is not None and Path(checkpoint).exists():
        history = History(**resume.load(checkpoint, state, optimizer, run))

    batches = max(1, len(photos) // settings.batch_size)  # the last, smaller batch is left out
    steps = settings.epochs * batches
    augmentation = Augmentation().scaled(settings.augment)
    bar = tqdm(total=steps, initial=history.epochs * batches, desc="train", disable=not progress)
    try:
        for epoch in range(history.epochs, settings.epochs):
            random = np.random.default_rng([settings.seed, epoch])
            order = random.permutation(len(photos))
            sums: dict[str, float] = {}
            start = time.perf_counter()
            network.train()
            for i in range(batches):
                step = epoch * batches + i
                for group in optimizer.param_groups:
                    group["lr"] = group["scale"] * learning_rate(settings, step, steps)
                index = order[i * settings.batch_size : (i + 1) * settings.batch_size]
                batch = photos.images[index]  # a copy, in the order drawn
                batch = augmentation(batch, random) if settings.augment else batch
                batch = loss.views(batch, random) if isinstance(loss, Method) else batch
                x = torch.from_numpy(batch).to(device)
                with torch.autocast(
                    device.type, torch.bfloat16, enabled=settings.precision == "bf16"
                ):
                    outputs = network(x)
                about = (labels[index],)
                if getattr(loss, "uses_index", False):
                    about += (torch.from_numpy(index).to(device),)
                terms = loss(type(outputs)(*(o.float() for o in outputs)), *about)
                seen = type(terms)(*(term.detach() for term in terms))
                values = {name: float(value) for name, value in seen._asdict().items()}
                if not np.isfinite(values["total"]):
                    raise ValueError(
                        f"the loss became {values['total']} at step {step}: lower the "
                        f"learning_rate (now {settings.learning_rate})"
                    )
                optimizer.zero_grad(set_to_none=True)
                terms.total.backward()
                optimizer.step()
                for name, value in values.items():
                    sums[name] = sums.get(name, 0.0) + value
                for callback in callbacks:
                    callback.on_step(step, steps, seen)
                bar.update()
                bar.set_postfix(loss=f"{values['total']:.3f}", refresh=False)
            for name, value in sums.items():
                history.terms.setdefault(name, []).append(value / batches)
            history.epochs = epoch + 1
            history.seconds += time.perf_counter() - start
            network.eval()
            if checkpoint is not None:
                resume.save(checkpoint, state, optimizer, run, asdict(history))
            if any([callback.on_epoch(network, history) for callback in callbacks]):
                break
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        bar.close()
        network.eval()
    return history


def _check(network: HashNetwork, photos: Photos) -> None:
    if len(photos) < 2:
        raise ValueError(f"training needs at least 2 photos, got {len(photos)}")
    if photos.labels.max() >= network.classes:
        raise ValueError(
            f"labels go up to {photos.labels.max()} but the network's classifier has "
            f"{network.classes} classes: build it with classes={len(photos.names)}"
        )


def _describe(loss: nn.Module) -> dict:
    plain = {k: v for k, v in vars(loss).items() if isinstance(v, int | float | str)}
    plain.pop("training", None)  # every module has it; it is a mode, not a setting
    return {"method": type(loss).__name__, **plain}


def _digest(photos: Photos) -> str:
    digest = hashlib.sha256(f"{photos.images.shape}".encode())
    digest.update(np.ascontiguousarray(photos.images))
    digest.update(np.ascontiguousarray(photos.labels))
    return digest.hexdigest()


def _optimizer(network: HashNetwork, loss: nn.Module, settings: Settings) -> Muon:
    head = [*network.hash.parameters(), *network.classifier.parameters(), *loss.parameters()]
    trunk = list(network.trunk.parameters())
    fast = {"scale": settings.head_rate}
    # Muon averages over fewer steps than SGD: its steps are all of one length.
    kernels = {"scale": settings.kernel_rate, "orthogonal": True, "momentum": 0.6}
    return Muon(
        [
            {"params": [p for p in trunk if p.ndim > 1], **kernels},
            # Biases and normalisation are not decayed: decay would only shrink their scale.
            {"params": [p for p in trunk if p.ndim <= 1], "scale": 1.0, "weight_decay": 0.0},
            {"params": [p for p in head if p.ndim > 1], **fast},
            {"params": [p for p in head if p.ndim <= 1], **fast, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
