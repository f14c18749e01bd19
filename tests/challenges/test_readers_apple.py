"""The Apple Health reader: workouts, days of steps, and what hides in zips and prologs."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges.readers import apple, apple_days, apple_workouts, apple_zip, read
from agon.challenges.records import Reading, Record, Source, evidence_hash
from agon.kernel.errors import Refusal
from tests.challenges import real_files
from tests.writers import apple as written
from tests.writers import strategies, tracks
from tests.writers.apple import Quantity

APPLE = Source(provider="apple")
HOUR_S = 3_600
MINUTE_MS = 60_000
DAY_MS = 1_793_660_400_000
"""2026-11-03 00:00 at +0100."""


def records(data: bytes) -> list[Record]:
    reading = read(BytesIO(data), APPLE)
    assert isinstance(reading, Reading), reading
    return list(reading.records)


def code(data: bytes) -> str:
    refusal = read(BytesIO(data), APPLE)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.hint
    return refusal.code


def steps(minute: int, count: int, source: str = "iPhone", minutes: int = 10, **more) -> Quantity:
    start_ms = DAY_MS + minute * MINUTE_MS
    end_ms = start_ms + minutes * MINUTE_MS
    return Quantity(
        kind="steps", start_ms=start_ms, end_ms=end_ms, value=count, source=source, **more
    )


def day(*quantities: Quantity) -> Record:
    (record,) = records(written.document(quantities=quantities))
    assert record["sport"] == "daily"
    return record


def test_a_real_export_of_the_first_iphones_is_read():
    made = records(real_files.stream("apple/export_small.xml").read())
    assert [record["sport"] for record in made] == ["daily", "daily", "other"]
    assert [record["steps"] for record in made] == [2_517, None, None]
    assert made[1]["distance_mm"] == 19_430


def test_a_real_workout_in_miles_is_read():
    (run,) = records(real_files.stream("apple/export_dogsheep.xml").read())
    assert (run["sport"], run["distance_mm"], run["timer_ms"]) == ("run", 800_126, 311_647)
    assert (run["calories_kcal"], run["utc_offset_s"], run["device"]) == (
        49,
        -25_200,
        "Apple Watch",
    )


@settings(max_examples=40, deadline=None)
@given(strategies.activity_tracks(), st.booleans())
def test_what_was_written_is_read(track, statistics):
    (record,) = records(written.document(workouts=[track], statistics=statistics))
    assert record["sport"] == track.sport
    assert record["start_ms"] == track.start_ms
    assert record["timer_ms"] == track.timer_ms
    assert record["distance_mm"] == track.distance_mm
    assert record["calories_kcal"] == track.calories
    assert (record["indoor"], record["manual"]) == (track.indoor, track.manual)
    assert (record["measures"], record["track"], record["trust"]) == (None, [], 2)
    evidence_hash([record])


def test_a_workout_entered_by_hand_says_so():
    (record,) = records(written.document(workouts=[tracks.run(1, 500, manual=True)]))
    assert record["manual"] is True


def test_a_workout_without_a_duration_has_its_time_without_pauses():
    track = tracks.run(1, 1_000, pauses_s=(90,))
    whole = written.document(workouts=[track]).replace(b" duration=", b" was=")
    assert records(whole)[0]["timer_ms"] == track.timer_ms


def test_statistics_of_a_part_of_a_workout_are_not_added_to_the_whole():
    track = tracks.run(1, 1_000)
    part = (
        b'<WorkoutActivity><WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning"'
        b' sum="5" unit="km"/></WorkoutActivity></Workout>'
    )
    whole = written.document(workouts=[track]).replace(b"</Workout>", part)
    assert records(whole)[0]["distance_mm"] == track.distance_mm


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20_000), st.integers(0, 2_000))
def test_a_walk_that_watch_and_phone_count_counts_once(seed, watched, phone_only):
    quantities = written.day_of_steps(seed, DAY_MS, watched, phone_only_steps=phone_only)
    record = day(*quantities)
    assert record["steps"] == watched + phone_only
    assert record["distance_mm"] == (watched + phone_only) * written.STEP_MM


def test_a_day_lasts_from_midnight_to_midnight_where_it_was_lived():
    record = day(steps(600, 100))
    assert (record["start_ms"], record["elapsed_ms"]) == (DAY_MS, 86_400_000)
    assert (record["utc_offset_s"], record["timer_ms"], record["manual"]) == (HOUR_S, None, False)


def test_the_day_on_which_clocks_change_is_shorter_and_meets_the_next():
    spring = 1_774_738_800_000  # 2026-03-29 00:00 at +0100
    hours = [(0, 1), (20, 2), (40, 2)]
    quantities = [
        Quantity(
            kind="steps",
            start_ms=spring + hour * 3_600_000,
            end_ms=spring + hour * 3_600_000 + MINUTE_MS,
            value=10,
            utc_offset_s=offset * HOUR_S,
        )
        for hour, offset in hours
    ]
    first, second = records(written.document(quantities=quantities))
    assert first["elapsed_ms"] == 23 * 3_600_000
    assert second["start_ms"] == first["end_ms"]


def test_days_of_a_traveller_do_not_overlap():
    late = steps(1_380, 10, utc_offset_s=-8 * HOUR_S)
    early = Quantity(
        kind="steps",
        start_ms=late.start_ms + 2 * 3_600_000,
        end_ms=late.end_ms + 2 * 3_600_000,
        value=10,
        utc_offset_s=9 * HOUR_S,
    )
    first, second = records(written.document(quantities=[late, early]))
    assert first["start_ms"] < first["end_ms"] <= second["start_ms"] < second["end_ms"]


def test_a_sample_counts_for_the_time_that_better_sources_leave_it():
    # The watch counts the last four of the phone's ten minutes.
    record = day(steps(0, 1_000), steps(6, 300, "Apple Watch", minutes=4))
    assert record["steps"] == 600 + 300
    assert record["device"] == "Apple Watch"


def test_a_sample_that_others_cover_for_more_than_half_does_not_count():
    assert day(steps(0, 1_000), steps(4, 500, "Apple Watch", minutes=6))["steps"] == 500
    assert day(steps(0, 1_000), steps(5, 500, "Apple Watch", minutes=5))["steps"] == 1_000


def test_other_sources_come_last_and_among_themselves_by_name():
    assert day(steps(0, 900, "Some App"), steps(0, 500), steps(0, 700, "Another"))["steps"] == 500
    assert day(steps(0, 900, "Some App"), steps(0, 700, "Another"))["steps"] == 700


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            steps,
            st.integers(0, 300),
            st.integers(0, 5_000),
            st.sampled_from(["iPhone", "Apple Watch", "Some App"]),
            st.integers(0, 30),
        ),
        min_size=1,
        max_size=12,
    ),
    st.randoms(),
)
def test_no_order_of_samples_changes_a_day_and_none_counts_twice(quantities, random):
    record = day(*quantities)
    random.shuffle(quantities)
    assert day(*quantities) == record
    assert day(*quantities, *quantities) == record | {
        "measures": record["measures"] | {"samples": 2 * len(quantities)}
    }
    assert record["steps"] <= sum(quantity.value for quantity in quantities)
    assert record["measures"]["max_steps_5min"] <= record["steps"]


def test_the_fastest_five_minutes_are_found():
    record = day(steps(0, 500), steps(30, 2_000, minutes=5), steps(60, 900, minutes=15))
    assert record["measures"]["max_steps_5min"] == 2_000


def test_steps_entered_by_hand_do_not_count_beside_others():
    record = day(steps(0, 500), steps(60, 30_000, entered=True))
    assert (record["steps"], record["manual"]) == (500, False)


def test_a_day_of_steps_entered_by_hand_says_so():
    record = day(steps(60, 30_000, entered=True))
    assert (record["steps"], record["manual"]) == (30_000, True)


def test_a_sample_inside_a_correlation_does_not_count_again():
    whole = written.document(quantities=[steps(0, 500)])
    begin, end = whole.index(b" <Record"), whole.index(b"</HealthData>")
    nested = b"<Correlation>" + whole[begin:end] + b"</Correlation>"
    assert records(whole[:end] + nested + whole[end:])[0]["steps"] == 500


@pytest.mark.parametrize("doctype", ["full", "broken", "none"])
def test_doctypes_and_control_bytes_of_apple_do_not_matter(doctype):
    contents = {"quantities": [steps(0, 500)], "workouts": [tracks.run(1, 500)]}
    plain = records(written.document(doctype="none", **contents))
    assert records(written.document(doctype=doctype, control_byte=True, **contents)) == plain
    assert records(written.zipped(written.document(doctype=doctype, **contents))) == plain


def test_entities_of_a_doctype_never_expand():
    whole = written.document(quantities=[steps(0, 500)], doctype="none")
    root = whole.index(b"<HealthData")
    bomb = b'<!DOCTYPE HealthData [<!ENTITY n "9999">]>' + whole[root:].replace(b'"500"', b'"&n;"')
    assert code(bomb) == "evidence_xml_malformed"


def test_an_export_of_the_phone_in_another_language_is_found_in_its_zip():
    whole = written.document(quantities=[steps(0, 500)])
    clinical = {"apple_health_export/export_cda.xml": b"<ClinicalDocument/>" + b" " * 100_000}
    packed = written.zipped(whole, name="apple_health_export/Exportieren.xml", others=clinical)
    assert records(packed)[0]["steps"] == 500


def test_other_zips_are_refused():
    gpx = {"workout-routes/a.gpx": b"<gpx/>"}
    assert (
        code(written.zipped(b"<gpx/>", name="a.xml", others=gpx)) == "evidence_zip_without_export"
    )
    inner = written.zipped(written.document(quantities=[steps(0, 5)]))
    assert code(written.zipped(inner, name="export.zip")) == "evidence_zip_nested"


def test_a_zip_that_unpacks_to_too_much_is_refused(monkeypatch):
    bomb = written.zipped(b"<HealthData>" + b" " * 4_000_000 + b"</HealthData>")
    assert code(bomb) == "evidence_zip_bomb"
    whole = written.zipped(written.document(quantities=[steps(0, 500)]))
    monkeypatch.setattr(apple_zip, "UNPACKED_BYTES_MAX", 1_000)
    assert code(whole) == "evidence_zip_bomb"


def test_a_zip_with_a_huge_directory_is_refused_before_it_is_read(monkeypatch):
    whole = written.zipped(written.document(quantities=[steps(0, 500)]))
    monkeypatch.setattr(apple_zip, "DIRECTORY_BYTES_MAX", 10)
    assert code(whole) == "evidence_zip_bomb"


def test_a_zip_with_a_password_is_refused():
    whole = bytearray(written.zipped(written.document(quantities=[steps(0, 500)])))
    whole[whole.rindex(b"PK\x01\x02") + 8] |= 1
    assert code(bytes(whole)) == "evidence_zip_encrypted"


def test_a_zip_of_another_method_or_with_a_wrong_checksum_is_refused():
    document = written.document(quantities=[steps(0, 500)])
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("export.xml", document)
    assert code(stream.getvalue()) == "evidence_zip_malformed"
    for place in (6, 16):  # the version that it needs, and the checksum
        whole = bytearray(written.zipped(document))
        whole[whole.rindex(b"PK\x01\x02") + place] ^= 0x80
        assert code(bytes(whole)) == "evidence_zip_malformed"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_is_refused(data):
    document = written.document(quantities=[steps(0, 500)], workouts=[tracks.run(1, 100)])
    kept = data.draw(st.integers(60, len(document.rstrip()) - 1))
    assert code(document[:kept]) in ("evidence_truncated", "evidence_xml_malformed")
    packed = written.zipped(document)
    assert code(packed[: data.draw(st.integers(8, len(packed) - 1))]) == "evidence_truncated"


@settings(max_examples=100, deadline=None)
@given(st.data(), st.booleans())
def test_changed_bytes_never_raise(data, packed):
    whole = written.document(quantities=[steps(0, 500)], workouts=[tracks.run(1, 100)])
    changed = bytearray(written.zipped(whole) if packed else whole)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    answer = read(BytesIO(bytes(changed)), APPLE)
    if isinstance(answer, Reading):
        evidence_hash(answer.records)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"+0100", b"", "evidence_time_local"),
        (b"+0100", b"+9900", "evidence_value_malformed"),
        (b"2026-11-03 00:00", b"1999-11-03 00:00", "evidence_time_implausible"),
        (b"2026-11-03 00:00", b"2026-11-03 24:00", "evidence_value_malformed"),
        (b"2026-11-03 00:00", b"2026-13-03 00:00", "evidence_value_malformed"),
        (b'value="500"', b'value="-5"', "evidence_value_malformed"),
        (b'value="500"', b'value="nan"', "evidence_value_malformed"),
        (b'unit="count"', b'unit="dozen"', "evidence_value_malformed"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(old, new, expected):
    whole = written.document(quantities=[steps(0, 500)])
    assert old in whole
    changed = whole.replace(b" " + old, new) if not new else whole.replace(old, new)
    assert code(changed) == expected


def test_an_export_without_workouts_and_steps_is_refused():
    rate = Quantity(kind="heart_rate", start_ms=DAY_MS, end_ms=DAY_MS, value=70)
    assert code(written.document(quantities=[rate])) == "evidence_without_activity"


@pytest.mark.parametrize("limit", ["SAMPLES_MAX", "DAY_SAMPLES_MAX"])
def test_too_many_samples_are_refused(limit, monkeypatch):
    monkeypatch.setattr(apple_days, limit, 2)
    quantities = [steps(minute, 5) for minute in range(3)]
    assert code(written.document(quantities=quantities)) == "evidence_too_many_samples"


def test_a_workout_with_too_many_children_is_refused(monkeypatch):
    monkeypatch.setattr(apple_workouts, "CHILDREN_MAX", 3)
    track = tracks.run(1, 500, pauses_s=(60,))
    assert code(written.document(workouts=[track])) == "evidence_too_many_samples"


@pytest.mark.parametrize("tag", ["Workout", "Record", "Correlation"])
def test_elements_inside_themselves_do_not_raise(tag):
    whole = written.document(quantities=[steps(0, 500)], workouts=[tracks.run(1, 500)])
    inner = f"<{tag}></{tag}></Workout>".encode()
    assert read(BytesIO(whole.replace(b"</Workout>", inner)), APPLE)


def test_too_many_workouts_are_refused(monkeypatch):
    monkeypatch.setattr(apple, "RECORDS_MAX", 1)
    workouts = [tracks.run(1, 100), tracks.run(2, 100)]
    assert code(written.document(workouts=workouts)) == "evidence_too_many_records"
