"""Profiles: written by their owner, read by everybody; pictures stay in caches until changed."""

from __future__ import annotations

import hashlib
from io import BytesIO

import asyncpg
import pytest
from PIL import Image

from agon.app import serve
from agon.commons.people import pictures
from agon.kernel.processes import Processes
from tests.people.test_pictures import drawn
from tests.places import Place, wallet

ADA = wallet("ada")
OWN, AVATAR = "/api/me/profile", "/api/me/profile/avatar"


def bearer(place: Place, actor) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.token(actor)}"}


@pytest.fixture
async def ada(place) -> dict[str, str]:
    return bearer(place, await place.own("ada"))


def profile(**changes) -> dict:
    return {"wallet": ADA, "display_name": "Ada", "bio": "Counts.\nWell.", **changes}


async def test_a_wallet_shows_what_its_owner_has_set(place, api, ada):
    empty = (await api.get(f"/api/player/{ADA}")).json()
    assert (empty["wallet"], empty["display_name"], empty["avatar_url"]) == (ADA, None, None)
    put = await api.put(OWN, json=profile(wallet=ADA.upper().replace("X", "x", 1)), headers=ada)
    assert put.status_code == 200, put.text
    assert (put.json()["display_name"], put.json()["bio"]) == ("Ada", "Counts.\nWell.")
    again = await api.put(OWN, json=profile(), headers=ada)
    assert again.json() == put.json(), "the same again changes nothing, not even the time"
    own = await api.get(OWN, params={"wallet": ADA}, headers=ada)
    assert own.json() == put.json() == (await api.get(f"/api/player/{ADA}")).json()
    cleared = await api.put(OWN, json=profile(display_name="  ", bio=None), headers=ada)
    assert (cleared.json()["display_name"], cleared.json()["bio"]) == (None, None)


async def test_names_are_normal_and_emoji_stay_whole(api, ada):
    put = await api.put(OWN, json=profile(display_name=" Ame\u0301lie 👩‍🚀 "), headers=ada)
    assert put.json()["display_name"] == "Amélie 👩‍🚀"


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"display_name": "x" * 51}, "name_has_1_to_50_characters"),
        ({"display_name": "a\nb"}, "name_is_visible"),
        ({"display_name": "a\x07b"}, "name_is_visible"),
        ({"display_name": "ada\u202egnp"}, "name_is_visible"),
        ({"display_name": "a\u200bda"}, "name_is_visible"),
        ({"display_name": "ada\U000e0041"}, "name_is_visible"),
        ({"display_name": "a  b"}, "name_is_trimmed"),
        ({"display_name": ADA.upper()}, "name_is_no_address"),
        ({"bio": "x" * 501}, "bio_has_1_to_500_characters"),
        ({"bio": "a\rb"}, "bio_is_text"),
        ({"bio": "a\u202eb"}, "bio_is_text"),
    ],
)
async def test_what_would_deceive_or_flood_is_refused(api, ada, changes, claim):
    answer = await api.put(OWN, json=profile(**changes), headers=ada)
    assert answer.status_code in (400, 409, 422), answer.text
    assert f"user_profiles_{claim}" in answer.text


async def test_a_stranger_writes_no_profile(place, api, ada):
    bob = bearer(place, await place.own("bob"))
    for headers, status, code in ((bob, 403, "not_your_wallet"), ({}, 401, "sign_in_first")):
        tried = [
            await api.put(OWN, json=profile(), headers=headers),
            await api.get(OWN, params={"wallet": ADA}, headers=headers),
            await api.put(AVATAR, params={"wallet": ADA}, content=drawn(), headers=headers),
            await api.delete(AVATAR, params={"wallet": ADA}, headers=headers),
        ]
        for answer in tried:
            assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await api.get("/api/player/ada")).json()["code"] == "wallet_malformed"
    for statement in (
        "insert into public.user_profiles (wallet) values ('x')",
        "update public.user_profiles set bio = 'x'",
        "select avatar from public.user_profiles",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_caller(place.actor("ada")) as conn:
                await conn.execute(statement)


async def test_a_picture_is_drawn_anew_and_kept_by_caches_until_it_changes(place, ada):
    app = serve(place.runtime, work=False)
    with Processes(1) as processes:
        app.state.database, app.state.processes = place.database, processes
        import httpx

        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://agon.test") as api:
            put = await api.put(AVATAR, params={"wallet": ADA}, content=drawn(), headers=ada)
            assert put.status_code == 200, put.text
            url, digest = put.json()["avatar_url"], put.json()["avatar_hash"]
            shown = await api.get(url)
            assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
            assert shown.content != drawn()
            assert hashlib.sha256(shown.content).hexdigest() == digest
            assert Image.open(BytesIO(shown.content)).size == (480, 480)
            assert shown.headers["etag"] == f'"{digest}"'
            assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert shown.headers["x-content-type-options"] == "nosniff"
            for tags in (f'"{digest}"', f'"x", W/"{digest}"', "*"):
                same = await api.get(url, headers={"If-None-Match": tags})
                assert (same.status_code, same.content) == (304, b"")
                assert same.headers["etag"] == f'"{digest}"'
            bare = await api.get(f"/api/player/{ADA}/avatar", headers={"If-None-Match": '"x"'})
            assert bare.status_code == 200
            assert bare.headers["cache-control"] == "public, max-age=60, must-revalidate"
            other = await api.put(
                AVATAR, params={"wallet": ADA}, content=drawn((90, 90), "PNG"), headers=ada
            )
            assert other.json()["avatar_hash"] != digest
            late = await api.get(url, headers={"If-None-Match": f'"{digest}"'})
            assert (late.status_code, late.headers["cache-control"]) == (
                200, "public, max-age=60, must-revalidate",
            )  # fmt: skip
            for _ in range(2):
                gone = await api.delete(AVATAR, params={"wallet": ADA}, headers=ada)
                assert gone.json()["avatar_url"] is None
            missing = await api.get(url)
            assert (missing.status_code, missing.json()["code"]) == (404, "avatar_unknown")


async def test_what_is_no_picture_or_too_large_leaves_the_old_one(api, ada):
    await api.put(AVATAR, params={"wallet": ADA}, content=drawn(), headers=ada)
    for content, expected in (
        (b"<svg/>", (422, "image_malformed")),
        (bytes(pictures.UPLOAD_BYTES_MAX + 1), (413, "image_too_large")),
    ):
        answer = await api.put(AVATAR, params={"wallet": ADA}, content=content, headers=ada)
        assert (answer.status_code, answer.json()["code"]) == expected
    assert (await api.get(f"/api/player/{ADA}")).json()["avatar_url"]


async def test_pictures_are_counted_before_they_are_read(place, api, ada):
    user = place.actor("ada").user_id
    await place.owner.execute(
        "select agon.spend_for('avatar', $1, 30, '1 hour') from generate_series(1, 30)", user
    )
    answer = await api.put(AVATAR, params={"wallet": ADA}, content=drawn(), headers=ada)
    assert (answer.status_code, answer.json()["code"]) == (429, "over_avatar_limit")


@pytest.mark.parametrize(
    ("values", "claim"),
    [
        ("'ada', null, 'image/png', null", "wallet_is_lower_case_hex"),
        ("'{}', d, 'image/png', encode(sha256(d), 'hex')", "avatar_is_small"),
        ("'{}', 'x', 'image/svg+xml', encode(sha256('x'), 'hex')", "avatar_mime_is_known"),
        ("'{}', 'x', 'image/png', encode(sha256('y'), 'hex')", "avatar_hash_is_of_the_avatar"),
        ("'{}', 'x', 'image/png', null", "avatar_has_a_hash"),
        ("'{}', 'x', null, encode(sha256('x'), 'hex')", "avatar_says_what_it_is"),
    ],
)
async def test_a_picture_is_one_and_named_by_its_hash(place, values, claim):
    with pytest.raises(asyncpg.CheckViolationError, match=f"user_profiles_{claim}"):
        await place.owner.execute(
            "insert into public.user_profiles (wallet, avatar, avatar_mime, avatar_hash) "
            f"select {values.format(ADA)} from (select repeat('x', 1048577)::bytea as d) x"
        )
