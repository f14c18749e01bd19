"""Keys: what `agon keys` prints makes a caller what it says, and signing keys take turns."""

from __future__ import annotations

import json
import os
import stat

import pytest

from agon.kernel import apikeys, clock, jwt, keys, runtime
from agon.kernel.errors import Refused
from agon.rest.commands import printable
from agon.rest.system import SYSTEM
from agon.systems import SYSTEMS
from agon.web.callers import Callers
from tests.rest.doors import begun
from tests.test_cli import agon

DEVELOPMENT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"
DEMO_HEAD = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
DEMO_ANON = (
    f"{DEMO_HEAD}.eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6ImFub24iLCJleHAiOjE5ODM4MTI5OTZ9"
    ".CRXP1A7WOeoJeXxjNni43kdQwgnWNReilDMblYTn_I0"
)
DEMO_SERVICE = (
    f"{DEMO_HEAD}"
    ".eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6InNlcnZpY2Vfcm9sZSIsImV4cCI6MTk4MzgxMjk5Nn0"
    ".EGIM96RAZx35lJzdJsyH-qQwv8Hdp7fsn3W0YpN81IU"
)
GIVEN = "sb_publishable_0123456789012345678901234567"


async def role_of(process: runtime.Runtime, key: str) -> str:
    caller = await Callers(process).identify({b"apikey": key.encode()}, clock.now_s())
    return caller.actor.role


def code(call, *arguments: object) -> str:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value.refusal.code


async def test_every_key_that_is_printed_makes_its_role(tmp_path):
    process = begun(tmp_path)
    printed = printable(process)
    assert await role_of(process, printed["publishable_key"]) == "anon"
    assert await role_of(process, printed["anon_key"]) == "anon"
    assert await role_of(process, printed["secret_key"]) == "service_role"
    assert await role_of(process, printed["service_role_key"]) == "service_role"


def test_keys_are_made_once_and_closed_to_others(tmp_path):
    first, second = begun(tmp_path).api_keys, begun(tmp_path).api_keys
    assert first == second
    assert first.publishable.startswith("sb_publishable_")
    assert first.secret.startswith("sb_secret_")
    path = tmp_path / "secrets" / apikeys.API_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_secret_key_is_not_shown_by_accident(tmp_path):
    assert begun(tmp_path).api_keys.secret not in repr(begun(tmp_path).api_keys)


def test_given_keys_count_and_the_other_is_kept(tmp_path):
    given = begun(tmp_path, AGON_PUBLISHABLE_KEY=GIVEN).api_keys
    assert given.publishable == GIVEN
    assert given.secret == begun(tmp_path).api_keys.secret


@pytest.mark.parametrize(
    "key", ["sb_publishable_short", "sb_secret_" + "x" * 30, "x" * 40, GIVEN + " ", GIVEN + "é"]
)
def test_a_key_of_another_form_is_refused(tmp_path, key):
    process = begun(tmp_path, AGON_PUBLISHABLE_KEY=key)
    assert code(lambda: process.api_keys) == "api_key_unfit"


async def test_the_well_known_development_keys_hold_with_their_secret(tmp_path):
    process = begun(tmp_path, AGON_JWT_SECRET=DEVELOPMENT_SECRET)
    assert await role_of(process, DEMO_ANON) == "anon"
    assert await role_of(process, DEMO_SERVICE) == "service_role"


async def test_the_well_known_development_keys_hold_nowhere_else(tmp_path):
    for process in (begun(tmp_path), begun(tmp_path, AGON_JWT_SECRET=DEVELOPMENT_SECRET[::-1])):
        with pytest.raises(Refused) as refused:
            await role_of(process, DEMO_SERVICE)
        assert refused.value.refusal.status == 401


async def test_the_jwt_forms_carry_the_issuer_that_is_demanded(tmp_path):
    process = begun(tmp_path, AGON_JWT_ISSUER="https://agon.example/auth/v1")
    assert await role_of(process, printable(process)["anon_key"]) == "anon"


async def test_a_new_signing_key_signs_and_the_former_holds_on(tmp_path):
    running, other = begun(tmp_path), begun(tmp_path)
    before = printable(running)["anon_key"]
    new = keys.rotate_jwt(other.settings, other.home)
    assert running.jwt_keys[0].kid == new.kid, "a running server takes it up"
    assert len(running.jwt_keys) == 2
    assert await role_of(running, before) == "anon"
    assert await role_of(running, printable(other)["anon_key"]) == "anon"
    assert {key["kid"] for key in jwt.jwks(running.jwt_keys)["keys"]} >= {new.kid}


async def test_what_a_retired_key_signed_holds_no_more(tmp_path):
    running = begun(tmp_path)
    former, token = running.jwt_keys[0].kid, printable(running)["anon_key"]
    callers = Callers(running)
    await callers.identify({b"apikey": token.encode()}, clock.now_s())
    keys.rotate_jwt(running.settings, running.home)
    keys.retire_jwt(running.settings, running.home, former)
    with pytest.raises(Refused):
        await role_of(running, token)
    with pytest.raises(Refused):
        # One that remembers the caller looks again after a minute.
        await callers.identify({b"apikey": token.encode()}, clock.now_s() + 61)


def test_the_key_that_signs_cannot_be_retired_nor_one_that_is_not_there(tmp_path):
    process = begun(tmp_path)
    signing = process.jwt_keys[0].kid
    retire = keys.retire_jwt
    assert code(retire, process.settings, process.home, signing) == "jwt_key_signs"
    assert code(retire, process.settings, process.home, "other") == "jwt_key_unknown"
    assert process.jwt_keys[0].kid == signing


def test_signing_keys_are_bounded(tmp_path):
    process = begun(tmp_path)
    for _ in range(keys.JWT_KEYS_MAX - len(process.jwt_keys)):
        keys.rotate_jwt(process.settings, process.home)
    assert code(keys.rotate_jwt, process.settings, process.home) == "jwt_keys_many"


def test_what_a_killed_process_left_behind_is_in_nobodys_way(tmp_path):
    process = begun(tmp_path)
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    for name in (keys.JWT_FILE, keys.SEALING_FILE, apikeys.API_FILE):
        (folder / name).with_suffix(f".{os.getpid()}.new").write_text("half a k")
    assert process.jwt_keys and process.sealing_keys and process.api_keys
    keys.rotate_jwt(process.settings, process.home)
    assert len(process.jwt_keys) == 2


def test_no_draft_of_a_key_stays_when_it_cannot_be_put_in_place(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(keys.os, "link", refuse)
    with pytest.raises(OSError, match="no links here"):
        keys.jwt_keys(begun(tmp_path).settings, tmp_path)
    assert list((tmp_path / "secrets").iterdir()) == []


def test_a_shared_secret_is_not_rotated_here(tmp_path):
    process = begun(tmp_path, AGON_JWT_SECRET=DEVELOPMENT_SECRET)
    assert code(keys.rotate_jwt, process.settings, process.home) == "jwt_keys_given"
    assert code(keys.retire_jwt, process.settings, process.home, "x") == "jwt_keys_given"


@pytest.mark.skipif(SYSTEM not in SYSTEMS, reason="the data door is not installed")
def test_the_command_prints_what_create_client_takes(tmp_path):
    done = agon("keys", "--json", home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["url"] == "http://127.0.0.1:8000"
    lines = agon("keys", home=tmp_path / "home").stdout.splitlines()
    assert f"secret_key        {printed['secret_key']}" in [line.rstrip() for line in lines]
