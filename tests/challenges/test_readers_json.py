"""What every reader of JSON holds to; strict parsing, exact numbers."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges.readers import json_document
from agon.challenges.records import Reading, evidence_hash
from agon.kernel.errors import Refusal
from tests.challenges.documents import ACCOUNT, GOOD, PUUID, READERS, changed, code, read, record
from tests.writers import games, tracks


class TestEveryReader:
    @pytest.mark.parametrize("format", READERS)
    def test_a_good_document_is_read_and_names_its_format(self, format: str) -> None:
        reading = read(format, GOOD[format])
        assert isinstance(reading, Reading)
        assert reading.format == format
        assert {found["format"] for found in reading.records} == {format}

    @pytest.mark.parametrize("format", READERS)
    def test_a_truncated_document_is_refused(self, format: str) -> None:
        whole = json.dumps(GOOD[format]).encode()
        for cut in (0, 1, len(whole) // 2, len(whole) - 1):
            assert code(format, whole[:cut])[0] == "evidence_json_malformed"

    @pytest.mark.parametrize("format", READERS)
    @pytest.mark.parametrize(
        "data",
        [
            b'{"id": 1, "id": 2}',
            b'{"a": {"x": NaN}}',
            b'{"a": Infinity}',
            b'{"a": 1} trailing',
            b'{"a": "\xff"}',
            b"\x00",
            b"1" * 5_000,
            b"1e99999999999999999999",
            b"[" * 100_000 + b"]" * 100_000,
            '{"a": 1}'.encode("utf-16"),
        ],
        ids=lambda data: repr(data[:20]),
    )
    def test_json_that_cannot_be_trusted_is_refused(self, format: str, data: bytes) -> None:
        assert code(format, data)[0] == "evidence_json_malformed"

    @pytest.mark.parametrize("format", READERS)
    @pytest.mark.parametrize("document", [None, True, 1, 1.5, "text", [1], [[]]])
    def test_json_of_another_shape_is_refused(self, format: str, document: Any) -> None:
        assert code(format, document)[0] == "evidence_json_unexpected"

    @pytest.mark.parametrize("format", ["strava", "opendota", "steam", "riot"])
    def test_an_array_is_read_whole_ordered_by_start(self, format: str) -> None:
        later = copy.deepcopy(GOOD[format])
        start = tracks.START_MS + 86_400_000
        match format:
            case "strava":
                later = games.strava_activity(tracks.run(2, 1_000, 330, start), activity_id=2)
            case "riot":
                later = games.riot_match(PUUID, number=2, start_ms=start)
            case _:
                later = games.opendota_match(ACCOUNT, match_id=2, start_ms=start)
        reading = read(format, [later, GOOD[format]])
        assert isinstance(reading, Reading)
        assert [found["start_ms"] for found in reading.records] == [tracks.START_MS, start]

    @pytest.mark.parametrize("format", ["strava", "opendota", "steam", "riot"])
    def test_one_bad_item_refuses_the_whole_array(self, format: str) -> None:
        assert code(format, [GOOD[format], {}])[0].startswith("evidence_")

    @pytest.mark.parametrize("format", ["strava", "opendota", "steam", "riot"])
    def test_a_record_that_stands_twice_is_kept_once(self, format: str) -> None:
        assert record(format, [GOOD[format], GOOD[format]]) == record(format, GOOD[format])

    def test_two_that_differ_under_one_id_are_refused(self) -> None:
        twin = changed("opendota", "duration", value=1_000)
        assert code("opendota", [GOOD["opendota"], twin])[0] == "evidence_json_unexpected"

    @pytest.mark.parametrize("format", ["strava", "opendota", "steam", "riot"])
    def test_an_upload_is_trusted_less_than_what_we_fetched(self, format: str) -> None:
        assert record(format, GOOD[format])["trust"] == 1
        assert record(format, GOOD[format], origin="provider")["trust"] == 4

    @pytest.mark.parametrize("format", ["opendota", "steam", "riot"])
    def test_a_match_without_a_player_is_refused(self, format: str) -> None:
        assert code(format, GOOD[format], player=None)[0] == "evidence_player_missing"

    @pytest.mark.parametrize(
        ("format", "path"),
        [
            ("strava", ("activity", "start_date")),
            ("strava", ("activity", "elapsed_time")),
            ("opendota", ("start_time",)),
            ("opendota", ("duration",)),
            ("riot", ("info", "gameDuration")),
            ("manual", ("activities", 0, "start")),
            ("manual", ("games", 0, "end")),
        ],
    )
    def test_a_document_without_times_is_refused(self, format: str, path: Any) -> None:
        pointer = "".join(f"/{key}" for key in path)
        assert code(format, changed(format, *path, value=...)) == (
            "evidence_without_times",
            pointer,
        )

    @pytest.mark.parametrize(
        ("format", "path", "value"),
        [
            ("strava", ("activity", "id"), "7"),
            ("strava", ("activity", "id"), ...),
            ("strava", ("activity", "manual"), 1),
            ("strava", ("activity", "distance"), "5 km"),
            ("strava", ("activity", "distance"), -1),
            ("strava", ("activity", "distance"), 1e300),
            ("strava", ("activity", "elapsed_time"), 10**30),
            ("strava", ("activity", "start_date"), "2026-11-01T07:30:00"),
            ("strava", ("activity", "start_date"), "2026-02-30T07:30:00Z"),
            ("strava", ("activity", "start_date"), 1_700_000_000),
            ("strava", ("activity", "sport_type"), ["Run"]),
            ("strava", ("streams", "time", "data", 1), "1"),
            ("strava", ("streams", "latlng", "data", 0), [1, 2, 3]),
            ("strava", ("streams", "latlng", "data", 0, 0), 181),
            ("strava", ("streams", "latlng", "data", 0), [91, 1]),
            ("strava", ("streams", "latlng", "data", 0), [1, None]),
            ("strava", ("streams", "heartrate", "data", 3), 301),
            ("opendota", ("radiant_win",), 1),
            ("opendota", ("players", 0, "kills"), True),
            ("opendota", ("players", 0, "kills"), 2.5),
            ("opendota", ("players", 0, "player_slot"), ...),
            ("riot", ("info", "queueId"), "420"),
            ("riot", ("info", "participants", 0, "puuid"), 5),
            ("riot", ("metadata", "matchId"), "KR_\u0000"),
            ("manual", ("activities", 0, "sport"), "parkour"),
            ("manual", ("activities", 0, "sport"), {}),
            ("manual", ("activities", 0, "distance_m"), "5000"),
            ("manual", ("activities", 0, "end"), "2026-11-01T07:30:00+01:00"),
            ("manual", ("activities", 0, "duration_s"), 1_801),
            ("manual", ("activities", 0, "pace"), 5),
            ("manual", ("games", 0, "won"), "yes"),
            ("manual", ("games", 0, "won"), ...),
            ("manual", ("games", 0, "title"), "chess"),
            ("manual", ("trips",), []),
        ],
    )
    def test_a_wrong_field_is_refused_by_its_pointer(
        self, format: str, path: Any, value: Any
    ) -> None:
        pointer = "".join(f"/{key}" for key in path)
        assert code(format, changed(format, *path, value=value)) == (
            "evidence_json_unexpected",
            pointer,
        )

    @pytest.mark.parametrize("format", READERS)
    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_any_change_of_a_field_is_read_or_refused_never_raised(
        self, format: str, data: st.DataObject
    ) -> None:
        document = copy.deepcopy(GOOD[format])
        inner, key = data.draw(st.sampled_from(list(fields(document))))
        inner[key] = data.draw(ODD_VALUES)
        outcome = read(format, json.dumps(document).encode())
        if isinstance(outcome, Refusal):
            assert outcome.code.startswith("evidence_")
            assert str(outcome).encode()
        else:
            assert evidence_hash(outcome.records)
            assert not any(map(has_float, outcome.records))


ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(10**30), max_value=10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(), max_size=5),
    st.just("\ud800"),
    st.just([]),
    st.just({}),
    st.just([{}]),
)


def fields(value: Any) -> Any:
    """Every (container, key) in a document, the samples of long streams left out."""
    keys = value if isinstance(value, dict) else range(min(len(value), 12))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from fields(value[key])


def has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_float, value.values()))
    return any(map(has_float, value)) if isinstance(value, list) else isinstance(value, float)


class TestNumbersAndTimes:
    @pytest.mark.parametrize(
        ("text", "millimetres"),
        [
            ("0.1", 100),
            ("22530.8", 22_530_800),
            ("1.0005", 1_000),
            ("1.0015", 1_002),
            ("1e3", 10**6),
        ],
    )
    def test_metres_become_millimetres_exactly(self, text: str, millimetres: int) -> None:
        node = json_document.parse(io.BytesIO(text.encode()))
        assert node.scaled(1000) == millimetres

    @pytest.mark.parametrize("text", ["1e999999", "-1e999999", "9007199254740992", "-0.01"])
    def test_a_number_out_of_range_is_refused(self, text: str) -> None:
        document = b'{"activities": [], "games": ' + text.encode() + b"}"
        assert code("manual", document)[0] == "evidence_json_unexpected"
        with pytest.raises(Exception, match="must be a number"):
            json_document.parse(io.BytesIO(text.encode())).scaled(10)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1970-01-01T00:00:00Z", (0, 0)),
            ("1970-01-01T01:00:00.0019+01:00", (1, 3_600)),
            ("2026-11-01t07:30:00.5-08:30", (1_793_548_800_500, -30_600)),
        ],
    )
    def test_a_time_is_read_to_the_millisecond(self, text: str, expected: Any) -> None:
        assert json_document.Node(text, "").moment() == expected

    @given(st.integers(min_value=0, max_value=10**12), st.integers(min_value=0, max_value=999))
    def test_any_number_of_three_decimals_is_exact(self, whole: int, thousandths: int) -> None:
        node = json_document.parse(io.BytesIO(f"{whole}.{thousandths:03}".encode()))
        assert node.scaled(1000) == whole * 1000 + thousandths

    def test_a_byte_order_mark_is_no_mistake(self) -> None:
        assert json_document.parse(io.BytesIO(b"\xef\xbb\xbf{}")).value == {}


@settings(max_examples=50, deadline=None)
@given(st.permutations([games.opendota_match(ACCOUNT, match_id=n) for n in range(1, 5)]))
def test_the_hash_does_not_depend_on_the_order_in_the_document(matches: list[Any]) -> None:
    def hashed(documents: list[Any]) -> str:
        reading = read("opendota", documents)
        assert isinstance(reading, Reading)
        return evidence_hash(reading.records)

    assert hashed(matches) == hashed(sorted(matches, key=lambda match: match["match_id"]))
