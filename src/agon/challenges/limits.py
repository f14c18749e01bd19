"""What a human body has done so far: the speeds that the plausibility rules measure against.

Running records are the men's world records as of 2026-11: 800 m 1:40.91 (2012), mile 3:43.13
(1999), 5,000 m 12:35.36 (2020), 10,000 m 26:11.00 (2020), half marathon 56:42 (2025), marathon
2:00:35 (2023). The other values stand above what people do in the sport for that long; on a set
of 11 honest runs and 2 rides none of them was reached. See `docs/evidence.md`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SpeedLimit:
    """Limits of one sport in mm/s.

    reject_60s: mean of any 60 s above it is not human; flag_300s and flag_mean (the whole
    activity): a person should look.
    """

    reject_60s: int
    flag_300s: int
    flag_mean: int


_ON_FOOT = SpeedLimit(reject_60s=4_000, flag_300s=2_600, flag_mean=2_200)

SPEED_LIMITS: dict[str, SpeedLimit] = {
    "run": SpeedLimit(reject_60s=9_500, flag_300s=6_000, flag_mean=5_500),
    "walk": _ON_FOOT,
    "hike": _ON_FOOT,
    "ride": SpeedLimit(reject_60s=28_000, flag_300s=19_000, flag_mean=14_000),
    "swim": SpeedLimit(reject_60s=2_300, flag_300s=1_800, flag_mean=1_700),
}
"""Sports that are missing have no speed limit."""

BEST_SPLITS: dict[int, int] = {
    800: 7_930,
    1_609: 7_210,
    5_000: 6_620,
    10_000: 6_370,
    21_097: 6_200,
    42_195: 5_830,
}
"""Metres -> mean speed in mm/s of the running record over them; a faster split is no run."""

JUMP_MM_MIN = 100_000
"""A step between two positions is a jump if it is longer than this, and …"""
JUMP_SPEED_FACTOR = 3
"""… faster than this many times the sport's reject_60s."""
JUMP_SPEED_DEFAULT_MM_S = SPEED_LIMITS["ride"].reject_60s
"""Stands in for reject_60s in sports that have no limit."""
