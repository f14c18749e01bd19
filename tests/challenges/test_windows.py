"""Windows and quantities: days, instants, units."""

from fractions import Fraction

import pytest

from agon.challenges import quantities, windows

DAY_MS = 86_400_000


def test_a_day_begins_at_its_first_instant_in_the_zone():
    assert windows.moment("2026-11-02", "UTC") == 1_793_577_600_000
    assert windows.moment("2026-11-02", "Europe/Berlin") == 1_793_577_600_000 - 3_600_000
    # Clocks in Beirut went from 0:00 to 1:00 on 27 March 2022: there was no midnight.
    assert windows.rfc3339(windows.moment("2022-03-27", "Asia/Beirut")) == "2022-03-26T22:00:00Z"


def test_an_instant_is_read_with_its_offset_only():
    assert windows.moment("2026-11-02T01:00:00+01:00", "UTC") == 1_793_577_600_000
    assert windows.moment("2026-11-02t00:00:00.250z", "Asia/Tokyo") == 1_793_577_600_250
    assert windows.moment("2026-11-02T00:00:00", "UTC") is None


def test_a_window_is_half_open():
    window = windows.Window(start_ms=1000, end_ms=2000, zone="UTC")
    assert window.holds(1000, 2000)
    assert not window.holds(999, 1500)
    assert not window.holds(1500, 2001)


def test_days_are_counted_over_a_change_of_clocks():
    start, end = (windows.moment(day, "Europe/Berlin") for day in ("2026-10-24", "2026-10-27"))
    assert end - start == 3 * DAY_MS + 3_600_000
    window = windows.Window(start_ms=start, end_ms=end, zone="Europe/Berlin")
    assert windows.days_in(window) == 3


@pytest.mark.parametrize(
    ("written", "metric", "unit", "base"),
    [
        ("42.195", "distance", "km", 42_195_000),
        (1, "distance", "mi", Fraction(1_609_344)),
        ("0.1", "distance", "m", 100),
        ("5:30", "average_pace", "min/km", 330_000),
        ("5.5", "average_pace", "min/km", 330_000),
        (90, "timer_time", "min", 5_400_000),
        ("1:30", "timer_time", "min", 90_000),
        (36, "average_speed", "km/h", 10_000),
        (100, "ascent", "ft", 30_480),
        ("2.5", "kda", "", 2_500),
    ],
)
def test_amounts_convert_exactly(written, metric, unit, base):
    assert quantities.amount_of(written, metric, unit) == base


@pytest.mark.parametrize("written", ["", "1e3", " 1", "1.", ".5", "1:60", "٣", "1:30:00"])
def test_what_is_no_amount_is_none(written):
    assert quantities.amount_of(written, "timer_time", "min") is None


def test_a_missed_target_never_reads_as_reached():
    assert quantities.show(Fraction(9_999_999), "distance", "km") == "9.999 km"
    assert quantities.show(Fraction(330_001), "average_pace", "min/km", up=True) == "5:31 min/km"
