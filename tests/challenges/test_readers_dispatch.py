"""What holds for every kind of evidence: detection, limits, schema, and the list of refusals."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agon.challenges import readers, records
from agon.challenges.measures import NOTHING
from agon.challenges.records import PROVIDERS, Reading, Source, evidence_hash
from agon.kernel.errors import Refusal
from tests.challenges import real_files
from tests.writers import apple, fit, games, gpx, strategies, tcx, tracks

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "src/agon/challenges/schemas/record.json").read_bytes())
VALIDATOR = Draft202012Validator(SCHEMA)
RUN = tracks.run(1, 300)
FILES = {
    "fit": fit.write(RUN),
    "gpx": gpx.write(RUN),
    "tcx": tcx.write(RUN),
    "apple": apple.document(workouts=[RUN]),
}
REAL = {
    "fit/multisport_fenix2_1mb.fit": "garmin",
    "fit/ride_coros_pace2.fit": "strava",
    "fit/swim_pool_fr935.fit": "garmin",
    "gpx/hike_korita_zbevnica.gpx": "garmin",
    "tcx/ride_mapmyride.tcx": "strava",
    "apple/export_small.xml": "apple",
    "strava/activity.json": "strava",
}


def answer(data: bytes, provider: str) -> Reading | Refusal:
    return readers.read(BytesIO(data), Source(provider=provider, player="1"))


def assert_documented(reading: Reading) -> None:
    for record in reading.records:
        assert [error.message for error in VALIDATOR.iter_errors(record)] == []


@pytest.mark.parametrize(("provider", "formats"), readers.FORMATS_BY_PROVIDER.items())
def test_a_provider_takes_its_own_formats_and_no_others(provider, formats):
    for format, data in FILES.items():
        found = answer(data, provider)
        if format in formats:
            assert isinstance(found, Reading), found
            assert found.format == format
        else:
            assert (found.code, found.status) == ("evidence_kind_mismatch", 415)


def test_every_provider_and_every_format_is_listed():
    assert set(readers.FORMATS_BY_PROVIDER) == set(PROVIDERS)
    listed = {format for formats in readers.FORMATS_BY_PROVIDER.values() for format in formats}
    assert listed == set(readers.READERS)


def test_json_is_the_provider_s():
    assert readers.detect(b" \n{", "riot") == "riot"
    assert readers.detect(b"\xef\xbb\xbf[", "manual") == "manual"
    assert readers.detect(b"{", "garmin") is None
    assert readers.detect(b"{", "apple") is None


def test_names_of_files_and_comments_do_not_matter():
    head = b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <gpx> --><?x y?><t:TrainingCenterDatabase>"
    assert readers.detect(head, "garmin") == "tcx"


@pytest.mark.parametrize("data", [b"hello", b"<html>", b"\x00" * 20, b"<", b"<!-- ", b"{"])
def test_what_nobody_knows_is_refused(data):
    assert (answer(data, "garmin").code, answer(data, "garmin").status) == (
        "evidence_kind_unknown",
        415,
    )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_empty_file_is_refused(provider):
    assert answer(b"", provider).code == "evidence_empty"


@pytest.mark.parametrize(
    ("limit", "format"),
    [("FILE_BYTES_MAX", "fit"), ("FILE_BYTES_MAX", "gpx"), ("EXPORT_BYTES_MAX", "apple")],
)
def test_a_file_over_the_limit_is_refused(limit, format, monkeypatch):
    monkeypatch.setattr(readers, limit, len(FILES[format]))
    assert isinstance(answer(FILES[format], "apple"), Reading)
    monkeypatch.setattr(readers, limit, len(FILES[format]) - 1)
    assert answer(FILES[format], "apple").code == "evidence_too_large"


def test_too_many_records_are_refused(monkeypatch):
    monkeypatch.setattr(readers, "RECORDS_MAX", 1)
    assert answer(fit.write(RUN), "garmin").records
    assert answer(fit.write(RUN, tracks.run(2, 200)), "garmin").code == "evidence_too_many_records"


def test_a_document_without_anything_done_is_refused():
    assert answer(b'{"activities": []}', "manual").code == "evidence_without_activity"


def test_what_ends_before_it_begins_is_refused(monkeypatch):
    record = records.activity(
        format="gpx", sport="run", start_ms=2 * 10**12, end_ms=10**12, trust=2
    )
    reading = Reading(format="gpx", records=(record,))
    monkeypatch.setitem(readers.READERS, "gpx", lambda stream, source: reading)
    assert answer(FILES["gpx"], "garmin").code == "evidence_time_implausible"


@pytest.mark.parametrize(("name", "provider"), REAL.items())
def test_real_records_are_as_the_schema_says(name, provider):
    found = answer(real_files.stream(name).read(), provider)
    assert isinstance(found, Reading), found
    assert_documented(found)


@settings(max_examples=30, deadline=None)
@given(strategies.activity_tracks())
def test_written_records_are_as_the_schema_says(track):
    for data in (fit.write(track), tcx.write(track), apple.document(workouts=[track])):
        assert_documented(answer(data, "apple"))


@settings(max_examples=20, deadline=None)
@given(strategies.dota_matches(1))
def test_games_are_as_the_schema_says(match):
    assert_documented(answer(games.encoded(match), "opendota"))


def test_the_schema_has_the_keys_of_the_code():
    record = records.activity(format="gpx", sport="run", start_ms=0, end_ms=0, trust=2)
    shapes = SCHEMA["$defs"]
    assert list(shapes["activity"]["properties"]) == list(record)
    assert list(shapes["measures"]["properties"]) == list(NOTHING)
    assert shapes["activity"]["properties"]["sport"]["enum"] == list(records.SPORTS)
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_refuses_what_is_no_record():
    record = answer(FILES["fit"], "garmin").records[0]
    assert VALIDATOR.is_valid(record)
    for change in (
        {"distance_mm": 1.5},
        {"sport": "chess"},
        {"extra": 1},
        {"start_ms": 0},
        {"trust": 5},
    ):
        assert not VALIDATOR.is_valid(record | change), change


@pytest.mark.parametrize("format", FILES)
def test_reading_twice_gives_the_same_bytes(format):
    first, second = (answer(FILES[format], "apple") for _ in range(2))
    assert evidence_hash(first.records) == evidence_hash(second.records)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["", *FILES]), st.sampled_from(PROVIDERS))
def test_no_bytes_ever_raise(noise, format, provider):
    data = FILES.get(format, b"")[:40] + noise
    assert isinstance(answer(data, provider), Reading | Refusal)


def test_the_documentation_lists_every_refusal_and_no_other():
    text = "".join(
        path.read_text("utf-8") for path in (ROOT / "src/agon/challenges/readers").glob("*.py")
    )
    raised = set(re.findall(r'"(evidence_[a-z_]+)"', text))
    document = (ROOT / "docs/evidence.md").read_text("utf-8")
    table = document.split("## Refusals")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(evidence_[a-z_]+)`", table, re.MULTILINE)) == raised
