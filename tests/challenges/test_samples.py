"""The shipped evidence of the demonstration: what the writers make, judged as the index says."""

from __future__ import annotations

import json
from functools import cache
from io import BytesIO
from typing import Any

import pytest

from agon.challenges import judges, readers, rules, twins
from agon.challenges.records import Reading, Record, Source
from agon.kernel.errors import Refusal
from tests.writers import generate

SAMPLES_BYTES_MAX = 700_000
JUDGE_BY_MODEL = {"agon.fitness@1": "fitness", "agon.gaming@1": "gaming"}
TWIN = "evidence_of_another_participant"
"""Not a reader's refusal but the intake's: another participant has handed the same in."""
BETWEEN_PEOPLE = ("same_source", "same_track")
"""Rules of twins that hold between people; the others compare the activities of one."""
REASONS = {
    "cleo": "target_not_met",
    "dirk": "too_fast_60s",
    "fay": "manual_entry",
    "karl": "too_fast_60s",
    "nils": "game_void",
    "oda": "not_ranked",
}

INDEX = json.loads((generate.FOLDER / "index.json").read_bytes())
CHALLENGES = {challenge["key"]: challenge for challenge in INDEX["challenges"]}
PEOPLE = {
    person["name"]: (challenge, person)
    for challenge in INDEX["challenges"]
    for person in challenge["participants"]
}


@cache
def readings(name: str) -> tuple[Reading | Refusal, ...]:
    _, person = PEOPLE[name]
    return tuple(
        readers.read(
            BytesIO((generate.FOLDER / file["path"]).read_bytes()),
            Source(provider=file["provider"], player=file["player"]),
        )
        for file in person["files"]
    )


def records(name: str) -> list[Record]:
    found = []
    for reading in readings(name):
        assert isinstance(reading, Reading), reading
        found += reading.records
    return found


def verdict(name: str) -> Any:
    challenge, _ = PEOPLE[name]
    judge = judges.JUDGES[JUDGE_BY_MODEL[challenge["model_id"]]]
    return judge(challenge["rule"], records(name))


def named(*outcomes: object) -> list[str]:
    return [name for name, (_, person) in PEOPLE.items() if person["expect"] in outcomes]


def test_the_shipped_files_are_what_the_writers_make():
    shipped = {
        path.relative_to(generate.FOLDER).as_posix(): path.read_bytes()
        for path in generate.FOLDER.rglob("*")
        if path.is_file()
    }
    made = generate.generate()
    assert sorted(shipped) == sorted(made)
    assert [path for path in made if shipped[path] != made[path]] == []


def test_the_shipped_files_are_small():
    assert sum(map(len, generate.generate().values())) <= SAMPLES_BYTES_MAX


@pytest.mark.parametrize("key", CHALLENGES)
def test_each_rule_has_no_mistakes(key):
    challenge = CHALLENGES[key]
    assert rules.check(challenge["rule"], JUDGE_BY_MODEL[challenge["model_id"]]) == ()
    assert challenge["rule"]["window"] == challenge["window"]


@pytest.mark.parametrize("name", named({"pass": True}, {"pass": False}))
def test_each_participant_is_judged_as_the_index_says(name):
    _, person = PEOPLE[name]
    assert verdict(name).passed == person["expect"]["pass"], verdict(name)


@pytest.mark.parametrize("name", named({"pass": False}))
def test_each_failure_has_its_reason(name):
    assert REASONS[name] in [reason.code for reason in verdict(name).reasons]


@pytest.mark.parametrize("name", named({"pass": True}))
def test_nothing_about_an_honest_winner_is_flagged(name):
    assert PEOPLE[name][1]["honest"]
    assert verdict(name).reasons == ()
    assert verdict(name).metadata["flags"]["count"] == 0


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (name, person["expect"]["refused"])
        for name, (_, person) in PEOPLE.items()
        if person["expect"].get("refused", TWIN) != TWIN
    ],
)
def test_each_refusal_has_the_code_that_the_index_says(name, code):
    assert [reading.code for reading in readings(name) if isinstance(reading, Refusal)] == [code]


def test_a_file_of_another_participant_has_a_twin():
    (copied,) = named({"refused": TWIN})
    known = records("ada") + records("cleo")
    found = twins.find_twins(records(copied), known)
    assert [(twin.new_index, twin.known_index) for twin in found] == [(0, 0)]


def test_nobody_else_has_a_twin():
    people = [name for name in PEOPLE if "pass" in PEOPLE[name][1]["expect"]]
    for name in people:
        others = [record for other in people if other != name for record in records(other)]
        same = [
            twin for twin in twins.find_twins(records(name), others) if twin.rule in BETWEEN_PEOPLE
        ]
        assert same == [], name
