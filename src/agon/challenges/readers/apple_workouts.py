"""Workouts of an Apple Health export, as activities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from agon.challenges import records
from agon.challenges.readers import refusals
from agon.challenges.readers.apple_texts import COUNT, KCAL, MM, MS, device_of, moment, quantity
from agon.challenges.records import Record

SPORTS = {
    "Running": "run",
    "Walking": "walk",
    "Hiking": "hike",
    "Cycling": "ride",
    "Swimming": "swim",
    "Rowing": "row",
    "TraditionalStrengthTraining": "strength",
    "FunctionalStrengthTraining": "strength",
    "Yoga": "yoga",
    "HighIntensityIntervalTraining": "hiit",
}
CHILDREN_MAX = 10_000
"""Events, statistics and metadata of one workout."""
POOL = "1"
"""HKSwimmingLocationType of a pool."""


@dataclass(frozen=True, kw_only=True)
class Workout:
    """One <Workout>: its attributes, its metadata, and its other children in order."""

    attributes: dict[str, str]
    metadata: dict[str, str] = field(default_factory=dict)
    children: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def add(self, tag: str, attributes: dict[str, str]) -> None:
        """Keep a child. Refused: `evidence_too_many_samples`."""
        if tag == "MetadataEntry":
            self.metadata[attributes.get("key", "")] = attributes.get("value", "")
        else:
            self.children.append((tag, attributes))
        if len(self.metadata) + len(self.children) > CHILDREN_MAX:
            raise refusals.too_many_samples(f"a workout with over {CHILDREN_MAX} children")


def activity(workout: Workout, trust: int) -> Record:
    """The record of a workout. Refused: `evidence_value_malformed`, `evidence_time_local`."""
    facts, metadata = workout.attributes, workout.metadata
    start_ms, offset_s = _moment(facts.get("startDate", ""))
    end_ms, _ = _moment(facts.get("endDate", ""))
    timer_ms = quantity(facts.get("duration"), facts.get("durationUnit", "min"), MS)
    word = facts.get("workoutActivityType", "").removeprefix("HKWorkoutActivityType")
    sport = SPORTS.get(word, "other")
    climbed, _, climbed_unit = metadata.get("HKElevationAscended", "").partition(" ")
    return records.activity(
        format="apple",
        sport=sport,
        sport_detail=_detail(word) if sport == "other" else None,
        indoor=metadata.get("HKIndoorWorkout") == "1"
        or metadata.get("HKSwimmingLocationType") == POOL,
        manual=metadata.get("HKWasUserEntered") == "1",
        device=device_of(facts.get("sourceName", ""), facts.get("device", "")),
        trust=trust,
        start_ms=start_ms,
        end_ms=end_ms,
        utc_offset_s=offset_s,
        timer_ms=_unpaused(workout, end_ms - start_ms) if timer_ms is None else timer_ms,
        distance_mm=_total(workout, "totalDistance", "Distance", MM),
        ascent_mm=quantity(climbed or None, climbed_unit, MM),
        steps=_total(workout, "totalSteps", "StepCount", COUNT),
        calories_kcal=_total(workout, "totalEnergyBurned", "ActiveEnergyBurned", KCAL),
        average_heart_rate=_mean_heart_rate(workout),
    )


def _moment(text: str) -> tuple[int, int]:
    """UTC in ms, and the offset in s."""
    local_s, offset_s = moment(text)
    return (local_s - offset_s) * 1000, offset_s


def _statistics(workout: Workout, kind: str) -> list[dict[str, str]]:
    """The statistics of quantities whose name begins so."""
    name = f"HKQuantityTypeIdentifier{kind}"
    children = (facts for tag, facts in workout.children if tag == "WorkoutStatistics")
    return [facts for facts in children if facts.get("type", "").startswith(name)]


def _total(workout: Workout, attribute: str, kind: str, units: Mapping[str, float]) -> int | None:
    """The sum of statistics (since iOS 16), else the attribute that stood for it before."""
    sums = [
        quantity(facts.get("sum"), facts.get("unit"), units) for facts in _statistics(workout, kind)
    ]
    known = [value for value in sums if value is not None]
    if known:
        return sum(known)
    facts = workout.attributes
    return quantity(facts.get(attribute), facts.get(f"{attribute}Unit"), units)


def _mean_heart_rate(workout: Workout) -> int | None:
    for facts in _statistics(workout, "HeartRate"):
        return quantity(facts.get("average"), facts.get("unit"), COUNT)
    return None


def _unpaused(workout: Workout, elapsed_ms: int) -> int:
    """Elapsed time without the pauses that events tell of, for a workout without a duration."""
    paused_ms, since_ms = 0, None
    for tag, facts in workout.children:
        kind = facts.get("type", "").removeprefix("HKWorkoutEventType")
        if tag == "WorkoutEvent" and kind in ("Pause", "Resume"):
            at_ms, _ = _moment(facts.get("date", ""))
            if kind == "Pause" and since_ms is None:
                since_ms = at_ms
            elif kind == "Resume" and since_ms is not None:
                paused_ms, since_ms = paused_ms + at_ms - since_ms, None
    return max(0, elapsed_ms - max(0, paused_ms))


def _detail(word: str) -> str | None:
    """CrossTraining -> cross_training."""
    return records.label(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower())
