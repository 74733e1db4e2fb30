"""What sending costs a phone: seconds and joules, by published figures. See notebook 08.

One rule for the time: a round trip, and the bytes at the uplink's rate,

    seconds = round trip + 8 bytes / uplink.

Headers, the handshakes of a new connection, losses and the radio's waking up are not in it: the
connection is open, and ``size`` is what goes over the air. (`mvs_lib.queries.link` counts packets,
headers and losses, on rounded links of its own; here every figure has a source.)

The energy is that of Huang, Qian, Gerber, Mao, Sen, Spatscheck (MobiSys 2012), "A close
examination of performance and power characteristics of 4G LTE networks": a radio that is awake
takes beta, and alpha_u for every Mbit/s that it sends; after the last byte it stays awake for its
*tail*,

    P = alpha_u uplink + beta,    E = alpha_u Mbit + beta seconds + tail power * tail seconds.

**Those coefficients are recalled, and were not found again in the paper's text**: verify them
before they are printed as the paper's. What its abstract says was read: LTE is up to 23 times less
efficient than Wi-Fi, and the tail is the main cause.
"""

from dataclasses import dataclass

__all__ = ["POWERS", "RADIOS", "Radio", "RadioPower", "radio", "send_energy", "send_seconds"]


@dataclass(frozen=True)
class RadioPower:
    """A radio's power while it sends, and after.

    Attributes:
        alpha_mw_per_mbit_per_s: alpha_u, for each Mbit/s of uplink.
        beta_mw: while it is awake.
        tail_seconds, tail_mw: after the last byte.
        verified: read in the paper, not recalled.
    """

    alpha_mw_per_mbit_per_s: float
    beta_mw: float
    tail_seconds: float
    tail_mw: float
    verified: bool = False


POWERS = {
    "LTE": RadioPower(438.39, 1288.04, 11.6, 1060),
    "3G": RadioPower(868.98, 817.88, 8.1, 804),
    "Wi-Fi": RadioPower(283.17, 132.86, 0.24, 119),
}

_FIREFOX = "Firefox developer tools, throttling profiles"
_SITESPEED = (
    "sitespeed.io throttle, bin/index.js; its rtt delays each direction, so the round trip is "
    "twice that, as in WebPageTest"
)


@dataclass(frozen=True)
class Radio:
    """An uplink and where its figures come from.

    Attributes:
        name: of the profile.
        up_kbit_per_s: uplink, 1000 bits a second.
        round_trip_ms: to the server and back.
        source: who published the figures.
        power: the name in ``POWERS`` of a radio of that kind; None if the paper had none.
        note: what was assumed.
    """

    name: str
    up_kbit_per_s: float
    round_trip_ms: float
    source: str
    power: str | None = None
    note: str = ""


RADIOS = {
    each.name: each
    for each in (
        Radio("2G, regular", 50, 300, _FIREFOX),
        Radio("2G, good", 150, 150, _FIREFOX),
        Radio("2G", 256, 2 * 400, _SITESPEED),
        Radio("3G, slow", 400, 2 * 200, _SITESPEED, "3G"),
        Radio("3G", 768, 2 * 150, _SITESPEED, "3G"),
        Radio("4G", 9000, 2 * 85, _SITESPEED, "LTE"),
        Radio("LTE", 12000, 2 * 35, _SITESPEED, "LTE"),
        Radio(
            "4G, users in the US, 2019", 6300, (44 + 66) / 2, "Opensignal", "LTE",
            "the middle of the round trips of four networks' users, 44 to 66 ms",
        ),
        Radio(
            "5G, 51 countries, 2022", 31270, (44 + 66) / 2, "SmartCIC, Cellsmart", None,
            "the round trip is that of 4G's users: the source only says that it is at times longer",
        ),
        Radio("Wi-Fi", 15000, 2, _FIREFOX, "Wi-Fi"),
    )
}  # fmt: skip


def radio(name: str) -> Radio:
    """Return a profile.

    Raises:
        ValueError: no such profile.
    """
    if name not in RADIOS:
        raise ValueError(f"unknown radio {name!r}; there are: {'; '.join(RADIOS)}")
    return RADIOS[name]


def send_seconds(profile: Radio, size: int) -> float:
    """Return the seconds until ``size`` bytes are sent and the answer is back.

    Raises:
        ValueError: a negative size.

    >>> round(send_seconds(radio("3G"), 8), 2), round(send_seconds(radio("3G"), 60_000), 2)
    (0.3, 0.93)
    """
    return profile.round_trip_ms / 1000 + _on_the_air(profile, size)


def send_energy(profile: Radio, size: int, tail: bool = True) -> float:
    """Return the joules that the radio takes to send ``size`` bytes and hear the answer.

    Args:
        profile: of a kind that has a model of its power.
        size: bytes.
        tail: the radio goes to sleep afterwards, and the photo pays for its tail; False for a
            photo that another follows at once.

    Raises:
        ValueError: a negative size, or no model of that radio's power.
    """
    if profile.power is None:
        raise ValueError(
            f"no power model of {profile.name}: Huang et al. measured {', '.join(POWERS)}"
        )
    power = POWERS[profile.power]
    sending = power.alpha_mw_per_mbit_per_s * profile.up_kbit_per_s / 1000
    millijoules = sending * _on_the_air(profile, size)
    millijoules += power.beta_mw * send_seconds(profile, size)
    if tail:
        millijoules += power.tail_mw * power.tail_seconds
    return millijoules / 1000


def _on_the_air(profile: Radio, size: int) -> float:
    if size < 0:
        raise ValueError(f"a payload has no {size} bytes")
    return 8 * size / (1000 * profile.up_kbit_per_s)
