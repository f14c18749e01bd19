"""Codes that are exchanged for a session (PKCE), by mail and at GitHub."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests import places
from tests.auth.test_codes import path_of
from tests.auth.visitors import (
    PASSWORD,
    bearer,
    confirmed,
    door_of,
    logged,
    mail,
    publish_key,
    refused,
    service,
    signed_up,
)
from tests.standins import github as standin

ADA = "ada@example.org"
VERIFIER = "v" * 60
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:43]
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "s256"}


async def exchanged(door, code, verifier=VERIFIER):
    body = {"auth_code": code, "code_verifier": verifier}
    return await door.post("/token?grant_type=pkce", json=body)


def code_in(answer):
    """The code that a redirect carries, and nothing else."""
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert set(query) == {"code"}, answer.headers["location"]
    return query["code"][0]


async def mailed_code(gate, strict, **challenge):
    await confirmed(gate, strict, ADA)
    await gate.post("/otp", json={"email": ADA, **(challenge or PKCE)})
    return code_in(await gate.get(path_of((await mail(strict, ADA)).link)))


async def test_a_link_of_a_challenge_leads_to_a_code_for_the_verifier(gate, strict):
    code = await mailed_code(gate, strict)
    session = (await exchanged(gate, code)).json()
    assert session["user"]["email"] == ADA
    assert session["refresh_token"]


async def test_a_code_is_exchanged_once(gate, strict):
    code = await mailed_code(gate, strict)
    answers = await asyncio.gather(*(exchanged(gate, code) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404]
    refused(await exchanged(gate, code), 404, "flow_state_not_found")


@pytest.mark.parametrize("verifier", ["w" * 60, CHALLENGE, "v", "é" * 60])
async def test_a_wrong_verifier_is_refused(gate, strict, verifier):
    code = await mailed_code(gate, strict)
    refused(await exchanged(gate, code, verifier), 400, "bad_code_verifier")
    assert (await exchanged(gate, code)).status_code == 200


async def test_a_plain_challenge_is_its_own_verifier(gate, strict):
    challenge = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}
    code = await mailed_code(gate, strict, **challenge)
    refused(await exchanged(gate, code, CHALLENGE), 400, "bad_code_verifier")
    assert (await exchanged(gate, code)).status_code == 200


async def test_a_code_is_late_after_five_minutes(gate, strict):
    code = await mailed_code(gate, strict)
    await strict.set_clock(datetime.now(UTC) + timedelta(minutes=6))
    refused(await exchanged(gate, code), 422, "flow_state_expired")


async def test_a_code_that_nobody_has_is_refused(gate):
    refused(await exchanged(gate, "x" * 43), 404, "flow_state_not_found")
    refused(await gate.post("/token?grant_type=pkce", json={}), 400, "validation_failed")


async def test_a_sign_up_with_a_challenge_is_confirmed_into_a_code(gate, strict):
    body = {"email": ADA, "password": PASSWORD, **PKCE}
    await gate.post("/signup", json=body)
    code = code_in(await gate.get(path_of((await mail(strict, ADA)).link)))
    assert (await exchanged(gate, code)).json()["user"]["email_confirmed_at"]


@asynccontextmanager
async def at_github(server, tmp_path, name, environ=None, **account) -> AsyncIterator[tuple]:
    """A place that signs people in at the stand-in: (place, door, party)."""
    async with standin.standin(**account) as party:
        address = urlsplit(party.url)
        environ = {
            **(environ or {}),
            "AGON_GITHUB_CLIENT_ID": standin.CLIENT_ID,
            "AGON_GITHUB_CLIENT_SECRET": standin.CLIENT_SECRET,
            "AGON_GITHUB_URL": party.url,
            "AGON_GITHUB_API_URL": party.url + standin.API,
            "AGON_OUTBOUND_ALLOW": address.netloc,
            "AGON_SITE_URL": "https://play.example",
        }
        async with places.opened(server, name, tmp_path, environ) as place:
            await publish_key(place)
            async with door_of(place) as door:
                yield place, door, party


async def through(door, path="/authorize?provider=github", headers=None):
    """The whole way over the provider: the door's last answer."""
    leaving = await door.get(path, headers=headers or {})
    assert leaving.status_code in (200, 302), leaving.text
    url = leaving.headers.get("location") or leaving.json()["url"]
    async with httpx.AsyncClient() as browser:
        back = (await browser.get(url)).headers["location"]
    return await door.get(path_of(back))


def fragment_of(answer):
    fragment = urlsplit(answer.headers["location"]).fragment
    return {name: values[0] for name, values in parse_qs(fragment).items()}


async def test_github_signs_in(server, tmp_path):
    async with at_github(server, tmp_path, "agon_gh_in") as (place, door, _):
        answer = await through(door)
        assert answer.headers["location"].startswith("https://play.example#")
        session = fragment_of(answer)
        assert session["provider_token"]
        user = (await door.get("/user", headers=bearer(session))).json()
        assert user["email"] == "octocat@github.com"
        assert user["app_metadata"]["providers"] == ["github"]
        assert user["user_metadata"]["user_name"] == "octocat"
        again = fragment_of(await through(door))
        assert (await door.get("/user", headers=bearer(again))).json()["id"] == user["id"]
        assert len(await logged(place, "identity_linked")) == 1


async def test_github_signs_in_with_a_challenge_and_gives_its_token_once(server, tmp_path):
    async with at_github(server, tmp_path, "agon_gh_pkce") as (place, door, _):
        answer = await through(door, f"/authorize?{urlencode({'provider': 'github', **PKCE})}")
        code = code_in(answer)
        sealed = await place.owner.fetchval("select provider_tokens from agon.flow_states")
        assert sealed.startswith("sealed:v1:")
        session = (await exchanged(door, code)).json()
        assert session["provider_token"]
        assert session["user"]["email"] == "octocat@github.com"
        refused(await exchanged(door, code), 404, "flow_state_not_found")


async def test_a_state_works_once_and_in_one_browser(server, tmp_path):
    async with at_github(server, tmp_path, "agon_gh_state") as (_, door, _party):
        leaving = await door.get("/authorize?provider=github")
        state = parse_qs(urlsplit(leaving.headers["location"]).query)["state"][0]
        door.cookies.clear()
        crossed = await door.get(f"/callback?code=code-1&state={state}")
        assert fragment_of(crossed)["error_code"] == "bad_oauth_state"
        again = await door.get(f"/callback?code=code-1&state={state}")
        assert fragment_of(again)["error_code"] == "bad_oauth_state"
        made_up = await door.get("/callback?code=code-1&state=made-up")
        assert fragment_of(made_up)["error_code"] == "bad_oauth_state"


async def test_a_state_is_late_after_ten_minutes(server, tmp_path):
    async with at_github(server, tmp_path, "agon_gh_late") as (place, door, _):
        leaving = await door.get("/authorize?provider=github")
        state = parse_qs(urlsplit(leaving.headers["location"]).query)["state"][0]
        await place.set_clock(datetime.now(UTC) + timedelta(minutes=11))
        late = await door.get(f"/callback?code=code-1&state={state}")
        assert fragment_of(late)["error_code"] == "bad_oauth_state"


async def test_who_says_no_at_github_comes_back_with_that(server, tmp_path):
    async with at_github(server, tmp_path, "agon_gh_no", denies=True) as (_, door, _party):
        answer = await through(door)
        assert fragment_of(answer)["error_code"] == "access_denied"


async def test_a_proved_address_joins_both_ways_to_sign_in(server, tmp_path):
    async with at_github(server, tmp_path, "agon_gh_join") as (place, door, _):
        email = "octocat@github.com"
        await door.post("/otp", json={"email": email})
        body = {"type": "email", "email": email, "token": (await mail(place, email)).code}
        first = (await door.post("/verify", json=body)).json()
        session = fragment_of(await through(door))
        user = (await door.get("/user", headers=bearer(session))).json()
        assert user["id"] == first["user"]["id"]
        assert user["app_metadata"]["providers"] == ["email", "github"]


async def test_an_address_that_nobody_proved_is_not_joined(server, tmp_path):
    # Signed up without mail: the true owner of the address may be somebody else.
    async with at_github(server, tmp_path, "agon_gh_apart") as (_, door, _party):
        await signed_up(door, "octocat@github.com")
        assert fragment_of(await through(door))["error_code"] == "email_exists"


async def test_an_address_that_github_did_not_verify_proves_nothing(server, tmp_path):
    emails = ({"email": ADA, "verified": False, "primary": True, "visibility": None},)
    async with at_github(server, tmp_path, "agon_gh_unproved", emails=emails) as (_, door, _party):
        session = fragment_of(await through(door))
        user = (await door.get("/user", headers=bearer(session))).json()
        assert (user["email"], user["app_metadata"]["providers"]) == ("", ["github"])


@pytest.mark.parametrize("query", ["", "provider=gitlab", "provider=github",
                                   "provider=github&code_challenge=short"])  # fmt: skip
async def test_a_provider_that_is_not_here_is_refused(door, query):
    refused(await door.get(f"/authorize?{query}"), 400, "validation_failed")


async def test_a_dump_of_the_database_reveals_nothing(server, tmp_path):
    async with at_github(server, tmp_path, "agon_gh_dump") as (place, door, _):
        session = await signed_up(door)
        await door.post("/otp", json={"email": "new@example.org"})
        await door.post("/recover", json={"email": ADA})
        answer = await through(door, f"/authorize?{urlencode({'provider': 'github', **PKCE})}")
        body = {"type": "magiclink", "email": "third@example.org"}
        made = await door.post("/admin/generate_link", json=body, headers=service(place))
        recovery = await mail(place, ADA)
        secrets = {
            "password": PASSWORD,
            "refresh token": session["refresh_token"],
            "access token": session["access_token"],
            "code of a flow": code_in(answer),
            "mailed token": recovery.token,
            "generated token": made.json()["hashed_token"],
        }
        codes = {recovery.code, made.json()["email_otp"]}
        dump = await _dump(place)
        assert [name for name, secret in secrets.items() if secret in dump] == []
        assert [row for row in await _texts_of(place, "one_time_tokens") if row in codes] == []
        # Nor does trying all codes against the hashes that stand there.
        hashes = set(re.findall(r"[0-9a-f]{64}", dump))
        assert hashes
        tried = (hashlib.sha256(f"{number:06}".encode()).hexdigest() for number in range(10**6))
        assert hashes.isdisjoint(tried)


async def _dump(place):
    tables = await place.owner.fetch(
        """
        select c.oid::regclass::text as name from pg_class c
        where c.relkind = 'r' and c.relnamespace::regnamespace::text in ('agon', 'auth', 'public')
        """
    )
    texts = []
    for table in tables:
        rows = await place.owner.fetch(f"select t::text as row from {table['name']} t")
        texts += [row["row"] for row in rows]
    return "\n".join(texts)


async def _texts_of(place, table):
    rows = await place.owner.fetch(f"select row_to_json(t)::text as row from agon.{table} t")
    return [part for row in rows for part in row["row"].split('"')]
