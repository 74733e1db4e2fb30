"""The least that a network takes from the battery: arithmetic, and weights fetched once.

Horowitz (2014, "Computing's energy problem", ISSCC) gives the energy of an operation in a process
of 45 nm: 3.7 pJ for a multiplication of 32-bit floats, 0.9 pJ for an addition, and, as Han, Pool,
Tran and Dally (2015, table 1) quote him, 640 pJ for 32 bits from DRAM. A processor spends many
times that on fetching and scheduling its instructions, and newer chips spend less on all of it:
this is a scale to hold the radio's joules against (`mvs_lib.phone.radio`), not a prediction. (The
figure for DRAM is recalled; those for arithmetic were read again in a later paper's table.) See
notebook 08.
"""

from mvs_lib.phone.latency import NetworkCost

__all__ = ["ADDITION_PJ", "DRAM_PJ", "MULTIPLICATION_PJ", "least_joules"]

MULTIPLICATION_PJ, ADDITION_PJ = 3.7, 0.9  # of 32-bit floats
DRAM_PJ = 640.0  # for 32 bits


def least_joules(cost: NetworkCost) -> float:
    """Return the joules of a photo's arithmetic, and of its weights from DRAM, each once.

    Raises:
        ValueError: a negative cost.

    >>> round(1000 * least_joules(NetworkCost(724e6, 4 * 61e6, 0)), 1)  # AlexNet, millijoules
    42.4
    """
    if min(cost) < 0:
        raise ValueError(f"a network's costs cannot be negative, got {cost}")
    arithmetic = cost.macs * (MULTIPLICATION_PJ + ADDITION_PJ)
    return 1e-12 * (arithmetic + cost.weight_bytes / 4 * DRAM_PJ)
