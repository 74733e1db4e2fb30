"""The whole road as one object: photo, bits, index, place. Taught in notebook 10.

`Recognizer.fit` is the server's work, done once: train (or take) a hash network, export it for
the phone, encode the source photos, build the index. `Recognizer.recognize` is what happens when
a phone points at a building.
"""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mvs_lib import paths
from mvs_lib.codes import bytes_per_code, check_codes
from mvs_lib.datasets.collection import Photos
from mvs_lib.phone.encoder import Encoder
from mvs_lib.search.linear import LinearIndex

__all__ = ["Answer", "Recognizer"]

FORMAT = "mvs-recognizer"
VERSION = 1
FILES = ("encoder.onnx", "index.npz", "places.json")
SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini"}  # macOS and Windows leave these in any folder


class Answer(NamedTuple):
    """One place that a photo may show."""

    place: str
    label: int
    distance: int  # Hamming distance to the nearest source photo of this place, in bits
    votes: int  # how many of the k nearest source photos show this place
    photo: int  # position of that nearest source photo in what was given to `fit`


class Recognizer:
    """Recognise places from photos through hash codes.

    Args:
        bits: length of the code.
        method: the deep method that trains the network, a name in `mvs_lib.deep.methods.METHODS`.
        settings: `mvs_lib.deep.training.Settings`; sensible ones for the number of photos if None.
        start: a checkpoint whose trunk the training starts from, so that a few photos suffice;
            None takes the checkpoint that ships with the course, False starts from nothing.

    Attributes:
        encoder_: the exported encoder (`mvs_lib.phone.encoder.Encoder`).
        index_: the codes of the source photos.
        labels_: int64 ``(n,)``, the place of each source photo.
        names_: the places' names.
    """

    def __init__(self, bits: int = 48, method: str = "ssdh", settings=None, start=None):
        self.bits, self.method, self.settings, self.start = bits, method, settings, start

    def fit(self, photos: Photos, network=None, progress: bool = True) -> "Recognizer":
        """Learn the places of ``photos`` and index them.

        Args:
            photos: the source photos, square, all of one size.
            network: a trained `HashNetwork`, which then only encodes; None trains one.
            progress: show progress bars.

        Returns:
            self.

        Raises:
            ValueError: fewer than two places have photos, the photos are not square, the method
                is unknown, or a checkpoint to start from is damaged.
            FileNotFoundError: ``start`` names no file.
        """
        from mvs_lib.phone.export import export_onnx  # torch: needed to fit, not to recognise

        if len(np.unique(photos.labels)) < 2:
            raise ValueError("to tell places apart, give photos of at least two places")
        if photos.images.shape[1] != photos.images.shape[2]:
            raise ValueError(f"photos must be square, got {photos.images.shape[1:3]} pixels")
        if network is None:
            network = self._train(photos, progress)
        with tempfile.TemporaryDirectory() as folder:
            path = export_onnx(network, Path(folder) / "encoder.onnx", photos.images.shape[1])
            onnx, encoder = path.read_bytes(), Encoder(path)
        index = LinearIndex(encoder.bits)
        index.add(encoder.encode_pixels(photos.images, progress=progress))
        # Only now, so that a fit that fails leaves a fitted recogniser as it was.
        self.bits, self.encoder_, self.index_, self._onnx = encoder.bits, encoder, index, onnx
        self.labels_, self.names_ = photos.labels, photos.names
        return self

    def recognize(self, photo: bytes | np.ndarray, k: int = 10) -> list[Answer]:
        """Return the places that a photo may show, best first.

        Args:
            photo: the bytes of an image file, or uint8 ``(size, size, 3)``.
            k: how many nearest source photos vote.

        Returns:
            One `Answer` for each place among them; see `recognize_code` for the order.

        Raises:
            ValueError: not a readable photo, other pixels, ``k`` below 1, or nothing fitted yet.
        """
        self._check_fitted()
        if isinstance(photo, np.ndarray):
            code = self.encoder_.encode_pixels(photo[None])[0].tobytes()
        else:
            code = self.encoder_.encode(photo).code
        return self.recognize_code(code, k)

    def recognize_code(self, code: bytes, k: int = 10) -> list[Answer]:
        """Return the ranked places for a code that a phone sent: the server's half of the road.

        The k nearest source photos vote for their places, each with ``bits / 2 - distance``: a
        code at half the bits' distance is as far as chance, and does not count. Equal sums go to
        the place with the nearer photo, then to the smaller label.

        Args:
            code: ``ceil(bits / 8)`` bytes, padding bits zero.
            k: how many nearest source photos vote, those at equal distance by smaller position.

        Returns:
            One `Answer` for each place among them.

        Raises:
            ValueError: the code has the wrong length, ``k`` is below 1, or nothing is fitted yet.
        """
        self._check_fitted()
        if len(code) != bytes_per_code(self.bits):
            raise ValueError(
                f"a code of {self.bits} bits is {bytes_per_code(self.bits)} bytes long, "
                f"got {len(code)}"
            )
        query = check_codes(np.frombuffer(code, np.uint8)[None], self.bits, "the code")
        distances, ids = (row[0] for row in self.index_.search(query, k=k))
        weights = np.maximum(self.bits / 2 - distances, 0)
        answers, sums = {}, {}
        for distance, photo, weight in zip(distances, ids, weights, strict=True):
            if photo < 0:  # fewer than k photos are indexed
                continue
            label = int(self.labels_[photo])
            new = Answer(self.names_[label], label, int(distance), 0, int(photo))
            answer = answers.setdefault(label, new)  # the nearest photo of a place comes first
            answers[label] = answer._replace(votes=answer.votes + 1)
            sums[label] = sums.get(label, 0.0) + float(weight)
        return sorted(answers.values(), key=lambda a: (-sums[a.label], a.distance, a.label))

    def save(self, folder: str | Path) -> None:
        """Write ``encoder.onnx``, ``index.npz`` and ``places.json``, all or none of them.

        An existing recogniser in that folder is replaced; any other folder is left alone.

        Raises:
            ValueError: `fit` was not called, or the folder holds anything else, be it beside a
                recogniser.
            OSError: the files cannot be written; an earlier recogniser is then left as it was.
        """
        self._check_fitted()
        folder = Path(folder)
        _check_replaceable(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            (beside / "encoder.onnx").write_bytes(self._onnx)
            self.index_.save(beside / "index.npz")
            about = {
                "format": FORMAT,
                "version": VERSION,
                "method": self.method,
                "names": list(self.names_),
                "labels": self.labels_.tolist(),
            }
            about["sha256"] = _checksum(about, beside)
            (beside / "places.json").write_text(json.dumps(about), encoding="utf-8")
            beside.chmod(0o755)
            old = beside.with_name(beside.name + ".old")
            if folder.exists():
                os.replace(folder, old)
            try:
                os.replace(beside, folder)
            except BaseException:
                if old.exists():
                    os.replace(old, folder)
                raise
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    @classmethod
    def load(cls, folder: str | Path) -> "Recognizer":
        """Read what `save` wrote. Needs no torch.

        Returns:
            A recogniser that gives the same answers.

        Raises:
            FileNotFoundError: no such folder, or a file of it is missing.
            ValueError: a file is damaged, or the files do not belong together.
        """
        folder = Path(folder)
        for name in FILES:
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder} holds no recogniser: it lacks {name}")
        path = folder / "places.json"
        try:
            about = json.loads(path.read_bytes())
            known = about["format"] == FORMAT and about["version"] == VERSION
            checksum = about.pop("sha256")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({type(error).__name__}): save it again") from None
        if not known:
            raise ValueError(f"{path} is not a recogniser of this version of the course")
        if checksum != _checksum(about, folder):
            raise ValueError(
                f"a file in {folder} was altered, or comes from another recogniser: save it again"
            )
        encoder = Encoder(folder / "encoder.onnx")
        self = cls(bits=encoder.bits, method=about["method"])
        self._onnx = (folder / "encoder.onnx").read_bytes()
        self.encoder_, self.index_ = encoder, LinearIndex.load(folder / "index.npz")
        self.labels_, self.names_ = np.array(about["labels"], np.int64), tuple(about["names"])
        return self

    def _train(self, photos: Photos, progress: bool):
        from mvs_lib.deep import checkpoint
        from mvs_lib.deep.methods import METHODS
        from mvs_lib.deep.recipe import HASHING
        from mvs_lib.deep.training import build_network, train

        if self.method not in METHODS:
            raise ValueError(f"unknown method {self.method!r}: choose from {sorted(METHODS)}")
        # As many steps as the campus gets, whatever the number of photos, within reason.
        settings = self.settings or replace(
            HASHING,
            precision="fp32",  # as fast as any on a processor that is not known
            epochs=int(np.clip(60_000 // len(photos), 12, 120)),
            batch_size=min(64, max(2, len(photos) // 2)),
        )
        config = {"bits": self.bits, "classes": max(2, len(photos.names))}
        start = self.start
        if start is None:
            shipped = paths.checkpoints() / "campus_ssdh_48.safetensors"
            start = shipped if shipped.exists() else False
        if start is not False:
            donor, _ = checkpoint.load(start)
            config = {**donor.config, **config}
        network = build_network(settings, **config)
        if start is not False:
            network.trunk.load_state_dict(donor.trunk.state_dict())
        train(network, METHODS[self.method](), photos, settings, progress=progress)
        return network

    def _check_fitted(self) -> None:
        if not hasattr(self, "index_"):
            raise ValueError("this Recognizer knows no place yet: call fit(photos) or load(folder)")


def _check_replaceable(folder: Path) -> None:
    """Refuse a folder in which anything but a recogniser would be lost."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file: give a folder")
    found = sorted({entry.name for entry in folder.iterdir()} - SYSTEM)
    if foreign := [name for name in found if name not in FILES]:
        raise ValueError(f"{folder} holds {foreign[0]!r}, which would be lost: choose another")
    try:
        known = not found or json.loads((folder / "places.json").read_bytes())["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise ValueError(f"{folder} is not empty and holds no recogniser: choose another")


def _checksum(about: dict, folder: Path) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in ("encoder.onnx", "index.npz"):
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return digest.hexdigest()
