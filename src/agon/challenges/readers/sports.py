"""What the formats call a sport, and which of ours that is."""

from __future__ import annotations

from dataclasses import dataclass

# Words of FIT's sport and sub_sport, GPX's <type> and TCX's Sport, in lower case, with underscores.
SPORT_BY_WORD = {
    "running": "run", "run": "run", "jogging": "run", "trail_running": "run", "treadmill": "run",
    "treadmill_running": "run", "track_running": "run", "street_running": "run",
    "indoor_running": "run", "virtual_run": "run", "virtual_running": "run",
    "walking": "walk", "walk": "walk", "casual_walking": "walk", "speed_walking": "walk",
    "indoor_walking": "walk", "nordic_walking": "walk",
    "hiking": "hike", "hike": "hike", "mountaineering": "hike",
    "cycling": "ride", "biking": "ride", "ride": "ride", "bike": "ride", "road_cycling": "ride",
    "road_biking": "ride", "mountain_biking": "ride", "gravel_cycling": "ride",
    "gravel_ride": "ride", "cyclocross": "ride", "indoor_cycling": "ride", "spin": "ride",
    "virtual_ride": "ride",
    "swimming": "swim", "swim": "swim", "lap_swimming": "swim", "open_water_swimming": "swim",
    "open_water": "swim",
    "rowing": "row", "indoor_rowing": "row",
    "strength_training": "strength", "yoga": "yoga", "hiit": "hiit",
    "1": "ride", "9": "run",  # Strava's numbers in older GPX exports
}  # fmt: skip
UMBRELLAS = {"generic", "fitness_equipment", "training", "other"}
"""Words that leave it to the sub-sport to say what was done."""
INDOOR = {
    "treadmill", "treadmill_running", "indoor_running", "indoor_walking", "indoor_cycling",
    "spin", "indoor_rowing", "lap_swimming", "elliptical", "stair_climbing",
}  # fmt: skip
VIRTUAL = {"virtual_activity", "virtual_ride", "virtual_run", "virtual_running"}
MOTORS = {"e_biking", "e_bike_fitness", "e_bike_mountain"}
ON_FOOT = ("run", "walk", "hike")
WORD_CHARS_MAX = 60


@dataclass(frozen=True, kw_only=True)
class Sport:
    """sport: one of records.SPORTS; detail: the source's own word where it says more."""

    sport: str
    detail: str | None
    indoor: bool
    virtual: bool


def sport_of(word: object, sub_word: object = None) -> Sport:
    """The sport that a format's words mean; `other` where we have none."""
    main, sub = _plain(word), _plain(sub_word)
    named = SPORT_BY_WORD.get(sub if main in UMBRELLAS and sub else main, "other")
    said = sub if sub and sub != "generic" else main if named == "other" else ""
    return Sport(
        sport="other" if {main, sub} & MOTORS else named,
        detail=None if said in ("", "generic", "other") else said,
        indoor=bool({main, sub} & INDOOR),
        virtual=bool({main, sub} & VIRTUAL),
    )


def _plain(word: object) -> str:
    text = "" if word is None else str(word)
    return text.strip().lower().replace(" ", "_").replace("-", "_")[:WORD_CHARS_MAX]
