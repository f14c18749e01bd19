"""Real files before the judge: honest ones are not rejected, a car is."""

import pytest

from agon.challenges.judges import fitness
from agon.challenges.plausibility import examine
from agon.challenges.readers import fit, gpx, tcx
from agon.challenges.records import Source
from tests.challenges import real_files

READERS = {"fit": fit.read, "gpx": gpx.read, "tcx": tcx.read}
HONEST = [
    ("fit/run_fenix2_9km.fit", None),
    ("fit/ride_edge500_93km.fit", None),
    ("fit/ride_fenix5.fit", None),
    ("fit/walk_fenix5.fit", None),
    ("fit/ride_coros_pace2.fit", None),
    ("fit/multisport_fenix2_1mb.fit", None),
    ("fit/swim_pool_fr935.fit", None),
    ("tcx/ride_mapmyride.tcx", None),
    ("tcx/sample_stravalib.tcx", None),
    ("gpx/hike_korita_zbevnica.gpx", "hike"),
]


def records_of(name):
    read = READERS[name.split("/")[0]]
    return read(real_files.stream(name), Source(provider="garmin")).records


def as_sport(records, sport):
    return [{**r, "sport": sport} if sport and r["sport"] == "other" else r for r in records]


@pytest.mark.parametrize(("name", "sport"), HONEST)
def test_an_honest_file_is_not_rejected(name, sport):
    for record in as_sport(records_of(name), sport):
        rejected = [found.code for found in examine(record) if found.level == "reject"]
        assert rejected == []


@pytest.mark.parametrize("sport", ["run", "walk", "hike"])
def test_a_car_is_no_runner(sport):
    (record,) = as_sport(records_of("gpx/car_around_visnjan.gpx"), sport)
    assert "too_fast_60s" in {found.code for found in examine(record)}


@pytest.mark.parametrize("sport", ["walk", "hike"])
def test_a_ride_is_no_walk(sport):
    (record,) = records_of("fit/ride_edge500_93km.fit")
    assert "too_fast_60s" in {found.code for found in examine({**record, "sport": sport})}


def test_a_car_s_track_counts_for_no_run_and_an_honest_run_does():
    rule = {
        "version": 1, "sports": ["run"], "other_as": "run", "trust": 2, "metric": "distance",
        "unit": "km", "compare": ">=", "target": 2,
    }  # fmt: skip
    by_car = fitness.judge(rule, records_of("gpx/car_around_visnjan.gpx"))
    assert not by_car.passed
    assert "too_fast_60s" in {reason.code for reason in by_car.reasons}
    assert fitness.judge(rule, records_of("fit/run_fenix2_9km.fit")).passed
    without = {key: value for key, value in rule.items() if key != "other_as"}
    unnamed = fitness.judge(without, records_of("gpx/car_around_visnjan.gpx"))
    assert "sport_unknown" in {reason.code for reason in unnamed.reasons}


def test_a_named_hike_reaches_its_distance():
    rule = {
        "version": 1, "sports": ["hike"], "other_as": "hike", "metric": "distance", "unit": "km",
        "compare": ">=", "target": 6,
    }  # fmt: skip
    verdict = fitness.judge(rule, records_of("gpx/hike_korita_zbevnica.gpx"))
    assert verdict.passed
    assert verdict.metadata["flags"]["count"] > 0
    assert not fitness.judge(
        {**rule, "flags": "refuse"}, records_of("gpx/hike_korita_zbevnica.gpx")
    ).passed
