"""The training loop: one for every deep method, and it knows none of them by name.

Taught in notebook 03. The loop calls a loss module with the network's named outputs and the
batch's labels, and steps on the ``total`` of the named tuple that comes back. Everything else
(plots, validation, early stops) is a `Callback`. Several processes may share a run: see
`mvs_lib.deep.processes`.
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
from mvs_lib.deep import processes, resume
from mvs_lib.deep.augmentation import Augmentation, MirrorShift, covered, shrunk
from mvs_lib.deep.batches import together
from mvs_lib.deep.methods.method import Method
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.optimizer import build_optimizer
from mvs_lib.deep.precision import computes_bf16
from mvs_lib.deep.settings import Settings, learning_rate

__all__ = ["Callback", "History", "Settings", "build_network", "train"]


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


def build_network(settings: Settings, photos: Photos | None = None, **config) -> HashNetwork:
    """Return a fresh `HashNetwork` whose initial weights follow from ``settings.seed``.

    Args:
        settings: only the seed is read; torch's own random numbers are left as they were.
        photos: what the network will be trained on; some trunks compute a layer from them.
        **config: given to `HashNetwork`.

    Raises:
        ValueError: see `HashNetwork`.
        OSError: the trunk's pretrained weights cannot be had; the message says what to do.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = HashNetwork(**config)
    if photos is not None:
        network.trunk.initialise(photos.images, settings.seed)
    return network.to(memory_format=torch.channels_last)  # the photos' own order: no copies


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
            labels in ``0..classes - 1``, or several a photo if the loss takes them.
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
        ValueError: fewer than two photos, labels beyond the classifier, several labels where one
            is learned from, a checkpoint that is damaged or of another run, or a loss that became
            NaN or infinite; the network then holds the weights that gave that loss.
    """
    settings = settings or Settings()
    _check(network, photos, loss, settings)
    device = next(network.parameters()).device
    labels = torch.from_numpy(photos.labels.copy()).to(device)
    if isinstance(loss, Method):
        loss.prepare(photos, network.bits, settings.seed)
    optimizer = build_optimizer(network, loss, settings)
    history = History()
    state = nn.ModuleDict({"network": network, "loss": loss.to(device)})  # a loss may learn too
    if checkpoint is not None:
        run = {"settings": settings.described(), "network": network.config, "loss": _describe(loss)}
        run["photos"] = _digest(photos)
    if checkpoint is not None and Path(checkpoint).exists():
        history = History(**resume.load(checkpoint, state, optimizer, run))

    processes.same(state, history.epochs)
    batches = max(1, len(photos) // settings.batch_size)  # the last, smaller batch is left out
    steps = settings.epochs * batches
    augmentation = Augmentation().scaled(settings.augment)
    moved = MirrorShift(settings.mirror, settings.shift, settings.seed)
    in_bf16 = settings.precision == "bf16" and computes_bf16(device)
    quiet = not (progress and processes.first())
    bar = tqdm(total=steps, initial=history.epochs * batches, desc="train", disable=quiet)
    try:
        for epoch in range(history.epochs, settings.epochs):
            random = np.random.default_rng([settings.seed, epoch])
            order = random.permutation(len(photos))
            if settings.per_class:
                order = together(order, photos.labels, settings.per_class)
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
                batch = moved(batch, random, index, epoch)
                batch = covered(batch, settings.cover, random) if settings.cover else batch
                if epoch < int(settings.small_share * settings.epochs):
                    batch = shrunk(batch, settings.small_side)
                batch = loss.views(batch, random) if isinstance(loss, Method) else batch
                x = torch.from_numpy(processes.share(batch, len(index))).to(device)
                half = torch.autocast(device.type, torch.bfloat16, in_bf16)
                with half, processes.shared_normalisation(network):
                    outputs = network(x)
                about = (labels[index],)
                if getattr(loss, "uses_index", False):
                    about += (torch.from_numpy(index).to(device),)
                terms = loss(type(outputs)(*processes.whole(outputs, len(index))), *about)
                seen = type(terms)(*(term.detach() for term in terms))
                values = {name: float(value) for name, value in seen._asdict().items()}
                if not np.isfinite(values["total"]):
                    raise ValueError(
                        f"the loss became {values['total']} at step {step}: lower the "
                        f"learning_rate (now {settings.learning_rate})"
                    )
                optimizer.zero_grad(set_to_none=True)
                terms.total.backward()
                processes.sum_gradients(network)
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
            if checkpoint is not None and processes.first():
                resume.save(checkpoint, state, optimizer, run, asdict(history))
            if any([callback.on_epoch(network, history) for callback in callbacks]):
                break
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        bar.close()
        network.eval()
    return history


def _check(network: HashNetwork, photos: Photos, loss: nn.Module, settings: Settings) -> None:
    head = network.config.get("head", "linear")
    if isinstance(loss, Method) and loss.head == "slices" != head:
        raise ValueError(
            f"{type(loss).__name__} wants a hash layer of slices, and the network's is {head}: "
            'build it with head="slices"'
        )
    if not network.trunk.ready:
        raise ValueError(
            "the trunk is not ready to be trained: its first weights come from build_network("
            "settings, photos, ...)"
        )
    if len(photos) < 2:
        raise ValueError(f"training needs at least 2 photos, got {len(photos)}")
    several = photos.labels.ndim == 2
    if several and isinstance(loss, Method) and not loss.several_labels:
        raise ValueError(
            f"{type(loss).__name__} learns from one label a photo, and these have several: take a "
            "method with several_labels, such as DSRH"
        )
    if several and settings.per_class:
        raise ValueError("per_class groups photos by their one label, and these have several")
    classes = photos.labels.shape[1] if several else photos.labels.max() + 1
    fits = classes == network.classes if several else classes <= network.classes
    if not fits:
        raise ValueError(
            f"labels go up to {classes - 1} but the network's classifier has "
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
