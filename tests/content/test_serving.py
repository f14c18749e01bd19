"""GET /ipfs/{cid}: what was published is served for ever, and nothing else is seen."""

from __future__ import annotations

import pytest

from agon.commons.content import files, publishing
from agon.kernel import cid as cids
from tests.challenges.drafts import created
from tests.content.walks import GLB_TYPE, NOTE, glb, noise, published
from tests.places import ADMIN, SERVICE, bearer, wallet

HTML = b"<script>fetch('/api/me/challenges')</script>"


async def test_a_published_file_is_served_as_it_is_and_for_ever(place, api):
    cid = await published(place)
    answer = await api.get(f"/ipfs/{cid}")
    assert (answer.status_code, answer.content) == (200, NOTE)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == f'"{cid}"'
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-disposition"].startswith("inline")


async def test_whoever_has_it_is_not_sent_it_again(place, api):
    cid = await published(place)
    for tags in (f'"{cid}"', f'W/"{cid}"', f'"other", "{cid}"', "*"):
        answer = await api.get(f"/ipfs/{cid}", headers={"If-None-Match": tags})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == f'"{cid}"'
    answer = await api.get(f"/ipfs/{cid}", headers={"If-None-Match": '"other"'})
    assert answer.status_code == 200


async def test_head_and_ranges_are_answered(place, api):
    data = glb() + b""
    cid = await published(place, data, GLB_TYPE)
    head = await api.head(f"/ipfs/{cid}")
    assert (head.headers["content-length"], head.content) == (str(len(data)), b"")
    for asked, status, body in (
        ("bytes=0-3", 206, b"glTF"),
        ("bytes=-4", 206, data[-4:]),
        (f"bytes={len(data)}-", 416, None),
        ("lines=1-2", 400, None),
    ):
        answer = await api.get(f"/ipfs/{cid}", headers={"Range": asked})
        assert answer.status_code == status
        assert body is None or answer.content == body


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/xml", "a/b"])
async def test_what_a_browser_might_run_is_downloaded(place, api, media_type):
    cid = await published(place, HTML, media_type)
    answer = await api.get(f"/ipfs/{cid}")
    assert answer.headers["content-disposition"] == f'attachment; filename="{cid}"'
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_evidence_is_not_readable_by_its_content_id(place, api):
    challenge = await created(place)
    await place.own("bob")
    entry = {"sport": "run", "start": "2026-10-26T08:00:00Z", "end": "2026-10-26T09:00:00Z"}
    body = {"challenge_id": challenge, "subject": wallet("bob"), "provider": "manual"}
    bob = bearer(place, place.actor("bob"))
    taken = await api.post(
        "/api/aivm/intake", json={**body, "data": {"activities": [entry]}}, headers=bob
    )
    assert taken.status_code == 201, taken.text
    cid = taken.json()["raw_ref"]
    assert files.locate(files.folder(place.runtime), cid).exists()
    for actor in (None, place.actor("bob"), ADMIN, SERVICE):
        headers = bearer(place, actor) if actor else {}
        answer = await api.get(f"/ipfs/{cid}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "content_missing")


async def test_what_is_private_answers_as_what_is_not_there(place, api):
    root, data = files.folder(place.runtime), b"private"
    with files.arriving(root) as path:
        path.write_bytes(data)
        file = files.describe(path)
        async with place.database.as_worker() as conn:
            await files.record(conn, file, "text/plain")
            files.keep(root, path, file)
    held = await api.get(f"/ipfs/{file.cid}")
    absent = await api.get(f"/ipfs/{cids.of_bytes(b'nobody has this')}")
    assert held.status_code == absent.status_code == 404
    assert held.json() == absent.json()
    assert await published(place, data, "image/jpeg") == file.cid
    shown = await api.get(f"/ipfs/{file.cid}")
    assert (shown.content, shown.headers["content-type"]) == (data, "image/jpeg")


async def test_publishing_twice_is_publishing_once(place, api):
    assert await published(place, b"x", "text/plain") == await published(place, b"x", "a/b")
    rows = await place.owner.fetch("select media_type, profile from agon.files")
    assert [tuple(row) for row in rows] == [("text/plain", "unixfs-v1-2025")]


async def test_the_profile_stands_with_the_content_id(place, api):
    data = noise(600_000)
    cut = {
        profile.name: await published(place, data, "a/b", profile)
        for profile in files.PROFILES.values()
    }
    assert cut == {name: cids.of_bytes(data, each) for name, each in files.PROFILES.items()}
    rows = await place.owner.fetch("select profile, cid from agon.files")
    assert {row["profile"]: row["cid"] for row in rows} == cut
    for cid in cut.values():
        assert (await api.get(f"/ipfs/{cid}")).content == data


async def test_what_was_rolled_back_is_not_shown(place, api):
    root = files.folder(place.runtime)
    with pytest.raises(ZeroDivisionError):
        async with place.database.as_worker() as conn:
            cid = await publishing.publish(conn, root, b"no", "text/plain")
            raise ZeroDivisionError
    assert (await api.get(f"/ipfs/{cid}")).status_code == 404
    assert await published(place, b"no", "text/plain") == cid
    assert (await api.get(f"/ipfs/{cid}")).content == b"no"


@pytest.mark.parametrize(
    "cid", ["x", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", "..%2f..%2fa"]
)
async def test_what_is_no_content_id_is_refused(api, cid):
    answer = await api.get(f"/ipfs/{cid}")
    assert answer.status_code in (400, 404)
    assert "cache-control" not in answer.headers


async def test_no_client_publishes_or_reads_the_list(place):
    for actor in (place.actor("bob"), SERVICE):
        async with place.database.as_caller(actor) as conn:
            for what in (
                "has_function_privilege("
                "'agon.publish_file(text,text,bigint,text,text)', 'execute')",
                "has_table_privilege('agon.files', 'select')",
                "has_table_privilege('agon.pins', 'select')",
            ):
                assert await conn.fetchval(f"select {what}") is False
