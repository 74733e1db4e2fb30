"""Clips: a few seconds of frames and sound from a place of the campus. Taught in notebook 11.

The campus has photos only, so its sound is made here. Every place has a soundscape of its own that
goes round once in half a minute: bells, birds, doors and machines, as tones that rise or fall and
die away. Nobody hears it alone; visitors talk and the wind blows, and that differs from clip to
clip. As with the photos, this is easier than life.

A clip is taken by whoever runs an experiment, from a query photo and the place where it was taken:

    clip = clips.take(photo, place, seconds=5, seed=1)

and then handed to a system, which learns nothing of the place but what can be seen and heard in it.
The server's own recordings of the places are `references`, taken on another day.
"""

from dataclasses import dataclass

import numpy as np

from mvs_lib.datasets import capture

__all__ = ["LOOP", "RATE", "Clip", "references", "soundscape", "take"]

RATE = 8000  # samples a second: speech quality, as phones send it
LOOP = 30  # seconds after which a place sounds the same again
EVENTS = 4.0  # tones a second
SHAKE = {"rotation": 0.15, "affine": 0.2, "motion": 0.1, "noise": 0.3}  # a hand's, frame by frame


@dataclass(frozen=True)
class Clip:
    """Frames and sound of one moment; frame k and second k of the sound belong together.

    Attributes:
        frames: uint8 ``(seconds, h, w, 3)``, RGB, one a second.
        audio: float32 ``(seconds * RATE,)``, -1..1; ``(0,)`` where the microphone was off.
    """

    frames: np.ndarray
    audio: np.ndarray

    def __post_init__(self):
        if self.frames.dtype != np.uint8 or self.frames.ndim != 4 or not len(self.frames):
            raise ValueError(
                f"frames must be uint8 (seconds, h, w, 3), got {self.frames.dtype} "
                f"{self.frames.shape}"
            )
        if self.audio.ndim != 1 or len(self.audio) not in (0, len(self.frames) * RATE):
            raise ValueError(
                f"sound must have {RATE} samples for each of {len(self.frames)} frames, or none; "
                f"got {self.audio.shape}"
            )

    @property
    def seconds(self) -> int:
        """How long it is."""
        return len(self.frames)

    def first(self, seconds: int) -> "Clip":
        """Return its beginning."""
        return Clip(self.frames[:seconds], self.audio[: seconds * RATE])


def soundscape(place: int, seed: int = 0) -> np.ndarray:
    """Return what a place sounds like without visitors: float32 ``(LOOP * RATE,)``, RMS 0.1.

    Args:
        place: its index, >= 0.
        seed: of the whole campus.
    """
    return _scaled(_tones(np.random.default_rng([seed, 17, place]), LOOP), 0.1)


def references(places: int, seed: int = 0, noise: float = 0.3) -> np.ndarray:
    """Return the server's recordings of all places: float32 ``(places, LOOP * RATE)``.

    Args:
        places: how many.
        seed: of the whole campus.
        noise: as in `take`.
    """
    return np.stack([
        _record(soundscape(place, seed), noise, np.random.default_rng([seed, 18, place]))
        for place in range(places)
    ])  # fmt: skip


def take(
    photo: np.ndarray,
    place: int,
    seconds: int = 5,
    noise: float = 1.0,
    silent: bool = False,
    seed=0,
    campus_seed: int = 0,
) -> Clip:
    """Take a clip where a photo was taken.

    Each frame is the photo as another instant would show it: turned, slanted and smeared a little
    by the hand (`mvs_lib.datasets.capture`). The sound begins anywhere in the place's loop.

    Args:
        photo: uint8 ``(h, w, 3)``, RGB.
        place: the index of the place, which decides the sound and nothing else.
        seconds: 1..LOOP.
        noise: root mean square of voices and wind over that of the place's own sound; 1 means
            equally loud.
        silent: leave the microphone off.
        seed: of the clip, an integer or a sequence of them. campus_seed: of the place's soundscape.

    Raises:
        ValueError: a length outside 1..LOOP, or noise below 0.
    """  # fmt: skip
    if not 1 <= seconds <= LOOP or not noise >= 0:
        raise ValueError(f"need 1..{LOOP} seconds and noise >= 0, got {seconds}, {noise}")
    stream = np.atleast_1d(seed).tolist()
    random = np.random.default_rng([*stream, 19, place])
    frames = []
    for number in range(seconds):
        strengths = {name: random.uniform(0, most) for name, most in SHAKE.items()}
        frames.append(capture.apply(photo, strengths, seed=[*stream, number]))
    if silent:
        return Clip(np.stack(frames), np.empty(0, np.float32))
    start = int(random.integers(0, (LOOP - seconds) * RATE + 1))
    heard = soundscape(place, campus_seed)[start : start + seconds * RATE]
    return Clip(np.stack(frames), _record(heard, noise, random))


def _record(sound: np.ndarray, noise: float, random: np.random.Generator) -> np.ndarray:
    """Add voices and wind, each half of the noise's power, and let the microphone clip."""
    seconds = len(sound) // RATE
    wind = np.cumsum(random.standard_normal(len(sound)))
    wind -= np.convolve(wind, np.ones(401) / 401, "same")  # no rumble below 20 Hz
    own = np.sqrt(np.mean(sound.astype(np.float64) ** 2)) if len(sound) else 0.0
    share = own * noise / np.sqrt(2)
    mixed = sound + _scaled(_tones(random, seconds), share) + _scaled(wind, share)
    return np.clip(mixed * random.uniform(0.5, 1.5), -1, 1).astype(np.float32)


def _tones(random: np.random.Generator, seconds: int) -> np.ndarray:
    """Draw tones between 250 and 3,400 Hz at any time: float64 ``(seconds * RATE,)``."""
    out = np.zeros(seconds * RATE)
    for _ in range(random.poisson(EVENTS * seconds)):
        start, length = random.integers(len(out)), int(random.uniform(0.08, 0.5) * RATE)
        low, bend = random.uniform(np.log(250), np.log(3400)), random.normal(0, 0.6)
        loudness, decay = random.uniform(0.3, 1), random.uniform(2, 6)
        t = np.arange(length) / RATE
        pitch = np.clip(np.exp(low + bend * t), 100, 3900)
        envelope = np.minimum(t / 0.01, 1) * np.exp(-decay * t / t[-1])
        tone = loudness * envelope * np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
        end = min(start + length, len(out))
        out[start:end] += tone[: end - start]
    return out


def _scaled(sound: np.ndarray, level: float) -> np.ndarray:
    own = np.sqrt(np.mean(sound**2)) if len(sound) else 0.0
    return (sound * (level / max(own, 1e-12))).astype(np.float32)
