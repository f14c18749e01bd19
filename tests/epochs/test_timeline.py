"""The timeline of a day, with the days on which clocks change."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.epochs import profiles, timeline
from agon.kernel.errors import Refused

HOUR_MS = 3_600_000


def profile(zone="UTC", day_starts="00:00", **phases_s):
    config = profiles.daily()
    config["phases_s"] |= phases_s
    return {**config, "zone": zone, "day_starts": day_starts}


def ms(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)


def test_phases_follow_each_other_from_the_beginning_of_the_day():
    found = timeline.of_day(profile(), date(2026, 11, 2))
    assert found.moments() == (
        ("prep", ms(2026, 11, 2)),
        ("live", ms(2026, 11, 2, 1)),
        ("freeze", ms(2026, 11, 2, 23)),
        ("snapshot", ms(2026, 11, 2, 23, 30)),
        ("settle", ms(2026, 11, 2, 23, 45)),
        ("archive", ms(2026, 11, 3)),
    )
    assert (found.starts_at_ms, found.freeze_at_ms, found.ends_at_ms) == tuple(
        at for _, at in found.moments()[1:4]
    )


def test_the_day_begins_by_the_clock_of_its_zone():
    berlin = profile("Europe/Berlin", "06:30")
    assert timeline.of_day(berlin, date(2026, 7, 1)).prep_at_ms == ms(2026, 7, 1, 4, 30)
    assert timeline.of_day(berlin, date(2026, 12, 1)).prep_at_ms == ms(2026, 12, 1, 5, 30)


def test_a_day_of_23_hours_takes_the_hour_from_live():
    short = timeline.of_day(profile("Europe/Berlin"), date(2026, 3, 29))
    assert short.freeze_at_ms - short.starts_at_ms == 21 * HOUR_MS
    assert short.archive_at_ms - short.prep_at_ms == 23 * HOUR_MS
    assert (
        short.archive_at_ms
        == timeline.of_day(profile("Europe/Berlin"), date(2026, 3, 30)).prep_at_ms
    )


def test_a_short_live_is_as_long_on_a_day_of_23_hours():
    evening = timeline.of_day(profile("Europe/Berlin", live=7200), date(2026, 3, 29))
    assert evening.freeze_at_ms - evening.starts_at_ms == 2 * HOUR_MS


def test_a_day_of_25_hours_has_the_same_live_and_ends_early():
    long = timeline.of_day(profile("Europe/Berlin"), date(2026, 10, 25))
    assert long.freeze_at_ms - long.starts_at_ms == 22 * HOUR_MS
    after = timeline.of_day(profile("Europe/Berlin"), date(2026, 10, 26))
    assert after.prep_at_ms - long.archive_at_ms == HOUR_MS


def test_a_time_that_the_clocks_skip_is_as_far_behind_the_skip():
    # Beirut went from 0:00 to 1:00 on 27 March 2022.
    for starts, minute in (("00:00", 0), ("00:20", 20)):
        found = timeline.of_day(profile("Asia/Beirut", starts), date(2022, 3, 27))
        assert found.prep_at_ms == ms(2022, 3, 26, 22, minute)


def test_of_a_time_that_the_clocks_show_twice_the_first_counts():
    found = timeline.of_day(profile("Europe/Berlin", "02:30"), date(2026, 10, 25))
    assert found.prep_at_ms == ms(2026, 10, 25, 0, 30)


def test_a_day_that_was_left_out_has_no_epoch():
    with pytest.raises(Refused, match="day_too_short"):
        timeline.of_day(profile("Pacific/Apia"), date(2011, 12, 30))
    assert timeline.day_of(profile("Pacific/Apia"), ms(2011, 12, 30, 11)) == date(2011, 12, 31)


def test_an_instant_has_its_phase():
    found = timeline.of_day(profile(), date(2026, 11, 2))
    assert found.phase_at(found.prep_at_ms - 1) is None
    assert found.phase_at(found.starts_at_ms - 1) == "prep"
    assert found.phase_at(found.starts_at_ms) == "live"
    assert found.phase_at(found.freeze_at_ms) == "freeze"
    assert found.phase_at(found.archive_at_ms + 10**12) == "archive"


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.times().map(lambda at: at.strftime("%H:%M")),
    st.dates(date(2000, 1, 1), date(2099, 1, 1)),
)
def test_epochs_of_neighbouring_days_never_overlap(zone, starts, day):
    config = profile(zone, starts)
    today, next_day = (timeline.of_day(config, day + timedelta(days=n)) for n in (0, 1))
    moments = [at for _, at in today.moments()]
    assert moments == sorted(set(moments))
    assert today.archive_at_ms <= next_day.prep_at_ms
    assert timeline.day_of(config, today.prep_at_ms) == day
    assert timeline.day_of(config, next_day.prep_at_ms - 1) == day
