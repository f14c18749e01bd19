"""Shared recordings: copies and carried watches are flagged, companions are not."""

from __future__ import annotations

import pytest

from agon.challenges import tracks


def track(north: int = 0, seconds: int = 0, minutes: int = 60) -> dict:
    """A line to the north-east at 45 degrees, moved by units of 1e-4 degree."""
    points = [[minute * 60, 450_000 + minute * 20 + north, 90_000 + minute * 20]
              for minute in range(minutes + 1)]  # fmt: skip
    start = 1_793_000_000_000 + seconds * 1000
    return {
        "type": "activity", "sport": "run", "start_ms": start, "end_ms": start + minutes * 60_000,
        "elapsed_ms": minutes * 60_000, "distance_mm": minutes * 270_000, "track": points,
    }  # fmt: skip


@pytest.mark.parametrize("other", [track(), track(north=1), track(seconds=90)])
def test_one_recording_is_seen_twice(other):
    assert tracks.is_shared(track(), other)


@pytest.mark.parametrize(
    "other",
    [
        track(north=20),  # 220 m beside
        track(seconds=180),  # three minutes later
        track(minutes=40),  # two thirds of it
        {**track(), "track": []},
        {**track(), "distance_mm": 30_000_000},
    ],
)
def test_two_recordings_are_two(other):
    assert not tracks.is_shared(track(), other)
    assert not tracks.is_shared(other, track())


def test_a_single_point_is_no_line():
    lone = {**track(), "track": track()["track"][:1]}
    assert tracks.is_shared(lone, lone)
    assert not tracks.is_shared(lone, track(north=20))
