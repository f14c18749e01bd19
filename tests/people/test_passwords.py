"""Passwords: hashed slowly, verified alone, and refused where everybody would guess them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import argon2
import pytest

from agon.commons.people import passwords
from agon.kernel import runtime
from agon.kernel.errors import Refused
from agon.systems import SYSTEMS
from tests.standins import pwned
from tests.standins.server import Standin, broken, hanging

GOOD = "vexing jumbled parquet"


def process(folder, party: Standin | None = None, **more: str) -> runtime.Runtime:
    """A process that asks this list of leaks, or none."""
    environ = {"AGON_HOME": str(folder), "AGON_LOG_LEVEL": "error", **more}
    if party is not None:
        environ["AGON_PASSWORD_LEAKS_URL"] = party.url + "/range/"
        environ["AGON_OUTBOUND_ALLOW"] = "{}:{}".format(*party.address)
    return runtime.begin(SYSTEMS, environ=environ, folder=folder)


@pytest.fixture
async def party() -> AsyncIterator[Standin]:
    async with pwned.standin({GOOD: 7, "only a line of padding": 0}) as running:
        yield running


async def test_a_password_verifies_by_its_own_hash_only():
    hashed = await passwords.hash_password(GOOD)
    assert hashed.startswith("$argon2id$v=19$m=47104,t=2,p=1$")
    assert GOOD not in hashed
    assert await passwords.verify_password(GOOD, hashed)
    assert not await passwords.verify_password(GOOD + " ", hashed)
    assert not await passwords.verify_password("", hashed)


async def test_two_hashes_of_a_password_differ():
    assert await passwords.hash_password(GOOD) != await passwords.hash_password(GOOD)


async def test_the_dummy_takes_as_long_as_a_true_hash_and_fits_nobody():
    assert not passwords.needs_rehash(passwords.DUMMY_HASH)
    assert not await passwords.verify_password(GOOD, passwords.DUMMY_HASH)
    assert not await passwords.verify_password("", passwords.DUMMY_HASH)


async def test_a_hash_with_other_parameters_verifies_and_wants_a_new_one():
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    assert await passwords.verify_password(GOOD, weak)
    assert passwords.needs_rehash(weak)
    assert not passwords.needs_rehash(await passwords.hash_password(GOOD))


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        "$argon2id$v=19$m=47104,t=2,p=1$broken",
        "*",
    ],
)
async def test_a_hash_of_another_kind_verifies_nobody(hashed):
    assert not await passwords.verify_password(GOOD, hashed)
    assert passwords.needs_rehash(hashed)


async def test_bytes_that_no_password_has_are_refused_unhashed():
    for text in ("x" * 1025, "ü" * 513, "half a pair \ud800"):
        with pytest.raises(Refused) as caught:
            await passwords.hash_password(text)
        assert caught.value.refusal.code == "validation_failed"
        assert not await passwords.verify_password(text, passwords.DUMMY_HASH)


async def test_who_comes_when_too_many_wait_is_asked_to_come_again(monkeypatch):
    monkeypatch.setattr(passwords, "HASHES_WAITING_MAX", 3)
    answers = await asyncio.gather(
        *(passwords.verify_password(GOOD, passwords.DUMMY_HASH) for _ in range(5)),
        return_exceptions=True,
    )
    assert answers[:3] == [False] * 3
    for error in answers[3:]:
        assert isinstance(error, Refused)
        assert (error.refusal.code, error.refusal.status) == ("over_request_rate_limit", 429)
    assert not await passwords.verify_password(GOOD, passwords.DUMMY_HASH)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (GOOD, []),
        ("Zwölf Boxkämpfer", []),
        ("密码很长的一句话呢", []),
        ("e7#kQz1", ["length"]),
        ("", ["length", "characters"]),
        ("e7#kQz1w" * 128 + "x", ["length"]),
        ("密码很长的一句话呢" * 60, ["length"]),
        ("xyxyxyxyxyxy", ["characters"]),
        ("half a pair \ud800", ["characters"]),
        ("password", ["pwned"]),
        ("PASSWORD", ["pwned"]),
        ("P4$$w0rd", ["pwned"]),
        ("Sunshine2024!", ["pwned"]),
        ("iloveyou", ["pwned"]),
        ("1q2w3e4r5t", ["pwned"]),
        ("12345678", ["pwned"]),
        ("11111111", ["characters", "pwned"]),
        ("dragon", ["length", "pwned"]),
    ],
)
async def test_a_weak_password_is_told_why(tmp_path, text, reasons):
    assert await passwords.weaknesses(text, process(tmp_path)) == reasons


@pytest.mark.parametrize("text", ["vexing.parquet@example.com", "Vexing.Parquet"])
async def test_ones_own_address_is_no_password(tmp_path, text):
    email = "vexing.parquet@example.com"
    agon = process(tmp_path)
    assert await passwords.weaknesses(text, agon, email=email) == ["characters"]
    assert await passwords.weaknesses(text, agon, email="bob@example.com") == []


async def test_a_listed_word_within_a_longer_one_is_no_objection(tmp_path):
    agon = process(tmp_path)
    for text in ("dragon eats parquet", "monkeyshoulderblend", "sunshine20241231000"):
        assert await passwords.weaknesses(text, agon) == []


async def test_the_least_length_is_a_setting(tmp_path):
    agon = process(tmp_path, AGON_PASSWORD_LENGTH_MIN="30")
    assert await passwords.weaknesses(GOOD, agon) == ["length"]


async def test_a_leaked_password_is_refused_and_only_five_digits_leave(tmp_path, party):
    assert await passwords.weaknesses(GOOD, process(tmp_path, party)) == ["pwned"]
    (heard,) = party.heard
    assert heard.path == "/range/62F59"
    assert heard.headers["Add-Padding"] == "true"
    assert heard.query == {} and heard.body == b""


async def test_a_password_that_has_not_leaked_is_taken(tmp_path, party):
    agon = process(tmp_path, party)
    assert await passwords.weaknesses(GOOD + "!", agon) == []
    assert await passwords.weaknesses("only a line of padding", agon) == []
    assert len(party.heard) == 2


async def test_the_list_is_not_asked_about_what_is_refused_anyway(tmp_path, party):
    assert await passwords.weaknesses("password", process(tmp_path, party)) == ["pwned"]
    assert await passwords.weaknesses("e7#kQz1", process(tmp_path, party)) == ["length"]
    assert party.heard == []


@pytest.mark.parametrize("fault", [broken(500), broken(404), hanging(30)])
async def test_while_the_list_fails_passwords_are_taken_without_it(
    tmp_path, party, fault, monkeypatch
):
    monkeypatch.setattr(passwords, "LEAKS_S_MAX", 2)
    party.order("/range", fault)
    agon = process(tmp_path, party)
    assert await passwords.weaknesses(GOOD, agon) == []
    assert await passwords.weaknesses(GOOD, agon) == ["pwned"]


async def test_a_list_that_cannot_be_reached_stops_nobody(tmp_path):
    agon = process(
        tmp_path,
        AGON_PASSWORD_LEAKS_URL="http://127.0.0.1:1/range",
        AGON_OUTBOUND_ALLOW="127.0.0.1:1",
    )
    assert await passwords.weaknesses(GOOD, agon) == []
