"""Avatars are counted, checked for real, and their owner's own until they are approved."""

from __future__ import annotations

import asyncio
import hashlib
import json

import asyncpg
import pytest

from agon.commons.content import files, forms
from agon.epochs import avatars
from agon.epochs.providers.making import Made, Wish
from agon.kernel import cid as cids
from agon.kernel.database import ANONYMOUS
from tests.content.walks import glb, png
from tests.epochs import looks
from tests.epochs.ledger import ADA, BOB, Transfer, tell
from tests.places import ADMIN, SERVICE, bearer, refusal_of
from tests.standins import kubo


@pytest.fixture
async def ada(place):
    return await place.own("ada")


@pytest.fixture
async def slug(place):
    return await looks.bot_of(place)


async def test_avatars_are_counted_for_each_bot_from_one(place, ada, slug):
    other = await looks.bot_of(place, token=2)
    assert [await looks.brought(place, ada, slug, name) for name in "abc"] == [1, 2, 3]
    assert await looks.brought(place, ada, other, "a") == 1


async def test_avatars_that_come_together_are_counted_one_by_one(place, ada, slug):
    came = await asyncio.gather(*(looks.brought(place, ada, slug, name) for name in "abcde"))
    assert sorted(came) == [1, 2, 3, 4, 5]


async def test_the_same_avatar_twice_is_one(place, ada, slug):
    assert await looks.brought(place, ada, slug) == 1
    assert await looks.brought(place, ada, slug) == 1
    assert await looks.brought(place, ada, slug, preview=png()) == 2


async def test_a_bot_has_at_most_five_that_nobody_has_decided_on(place, ada, slug):
    for name in "abcde":
        await looks.brought(place, ada, slug, name)
    refused = await refusal_of(looks.brought(place, ada, slug, "f"))
    assert (refused.code, refused.status) == ("too_many_avatars", 429)
    await looks.approve(place, slug, 1)
    assert await looks.brought(place, ada, slug, "f") == 6


async def test_the_manifest_tells_of_the_files(place, ada, slug):
    model, picture = looks.model(), png()
    row = await avatars.bring(looks.working(place), ada, slug, Made(model=model, preview=picture))
    folder = files.folder(place.runtime)
    with files.open_file(folder, row["manifest_uri"].removeprefix("ipfs://")) as stream:
        manifest = json.load(stream)
    assert manifest["model"] == {
        "uri": row["glb_uri"], "bytes": len(model), "sha256": hashlib.sha256(model).hexdigest(),
    }  # fmt: skip
    assert manifest["preview"]["uri"] == row["preview_image_uri"]
    assert manifest["source"] == {"provider": "manual", "prompt": None, "uri": None}
    assert manifest["scene"] == {
        "generator": "a bot", "nodes": 2, "meshes": 0, "textures": 0, "materials": ["steel"],
        "animations": [], "skins": [{"name": "", "joints": 2}], "extensions": [],
    }  # fmt: skip
    with files.open_file(folder, row["glb_uri"].removeprefix("ipfs://")) as stream:
        assert stream.read() == model


async def test_a_strange_name_in_a_model_is_no_obstacle(place, ada, slug):
    scene = b'{"asset":{"version":"2.0"},"materials":[{"name":"\\ud800"},{"name":7},8]}'
    row = await avatars.bring(looks.working(place), ada, slug, Made(model=glb(scene)))
    assert row["generation_index"] == 1


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (b"", "content_empty"),
        (b"no model", "glb_malformed"),
        (looks.model()[:-1], "glb_malformed"),
        (b"\0" * (forms.GLB_BYTES_MAX + 1), "content_too_large"),
        (glb({"asset": {"version": "2.0"}, "buffers": [{"uri": "https://a.b/c.bin"}]}),
         "glb_refers_outside"),
    ],
)  # fmt: skip
async def test_what_is_no_model_is_not_kept(place, ada, slug, model, code):
    made = Made(model=model)
    assert (await refusal_of(avatars.bring(looks.working(place), ada, slug, made))).code == code
    assert await looks.seen(place, ada, slug) == []
    assert await place.owner.fetchval("select count(*) from agon.files") == 0


async def test_a_preview_is_a_picture(place, ada, slug):
    made = Made(model=looks.model(), preview=b"<svg/>")
    assert (
        await refusal_of(avatars.bring(looks.working(place), ada, slug, made))
    ).code == "png_malformed"


async def test_a_stranger_brings_nothing(place, ada, slug):
    bob = await place.own("bob")
    assert (await refusal_of(looks.brought(place, bob, slug))).code == "not_your_bot"
    assert (await refusal_of(looks.brought(place, ADMIN, slug))).code == "not_your_bot"
    assert (await refusal_of(looks.brought(place, ANONYMOUS, slug))).code == "sign_in_first"
    assert (await refusal_of(looks.brought(place, SERVICE, slug))).code == "sign_in_first"


async def test_who_has_sold_the_bot_brings_nothing(place, ada, slug):
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver=BOB)])
    assert (await refusal_of(looks.brought(place, ada, slug))).code == "not_your_bot"
    assert await looks.brought(place, await place.own("bob"), slug) == 1


async def test_there_is_no_avatar_of_an_unknown_bot(place, ada):
    assert (await refusal_of(looks.brought(place, ada, "bot_0"))).code == "bot_unknown"
    assert (await refusal_of(looks.seen(place, ada, "bot_0"))).code == "bot_unknown"


@pytest.mark.parametrize("act", ["suspend_bot($1, 'why')", "retire_bot($1)"])
async def test_a_bot_that_is_not_active_gets_no_avatars(place, ada, slug, act):
    await looks.act(place, ADMIN, f"public.{act}", slug)
    assert (await refusal_of(looks.brought(place, ada, slug))).code == "bot_not_active"
    wish = Wish(provider="import", source_uri="ipfs://b" + "a" * 58)
    call = avatars.request(looks.working(place), ada, slug, wish)
    assert (await refusal_of(call)).code == "bot_not_active"


async def test_nobody_writes_avatars_by_hand(place, ada, slug):
    await looks.brought(place, ada, slug)
    for actor in (ada, SERVICE, ANONYMOUS):
        for statement in (
            "update bot_avatars set moderation_status = 'approved'",
            "delete from bot_avatars",
            "insert into bot_avatars default values",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with place.database.as_caller(actor) as conn:
                    await conn.execute(statement)


async def test_what_is_pending_is_seen_by_its_owner_and_moderators_alone(place, ada, slug):
    await looks.brought(place, ada, slug)
    bob = await place.own("bob")
    assert await looks.seen(place, ada, slug) == [(1, "pending")]
    assert await looks.seen(place, ADMIN, slug) == [(1, "pending")]
    assert await looks.seen(place, SERVICE, slug) == [(1, "pending")]
    assert await looks.seen(place, bob, slug) == []
    assert await looks.seen(place, ANONYMOUS, slug) == []
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver=BOB)])
    assert await looks.seen(place, ada, slug) == []
    assert await looks.seen(place, bob, slug) == [(1, "pending")]


async def test_a_model_goes_the_whole_way_over_http(place, api, ada, slug):
    model, picture = looks.model(), png()
    path, head = f"/api/bots/{slug}/avatars", bearer(place, ada)
    upload = {"file": ("bot.glb", model), "preview": ("bot.png", picture)}
    made = await api.post(path, files=upload, headers=head)
    assert made.status_code == 201, made.text
    cid = made.json()["glb_uri"].removeprefix("ipfs://")
    assert (await api.get(f"{path}/1/model", headers=head)).content == model
    assert (await api.get(f"{path}/1/model")).status_code == 404
    assert (await api.get(f"/ipfs/{cid}")).status_code == 404
    queue = await api.get("/api/admin/avatars", headers=bearer(place, ADMIN))
    assert [(row["slug"], row["generation_index"]) for row in queue.json()] == [(slug, 1)]
    approved = await api.post(f"{path}/1/approve", headers=bearer(place, ADMIN))
    assert approved.json()["moderation_status"] == "approved"
    shown = await api.get(f"/ipfs/{cid}")
    assert (shown.content, shown.headers["content-type"]) == (model, forms.GLB)
    assert (await api.get(f"{path}/1/preview")).content == picture
    worn = await api.post(f"/api/bots/{slug}/loadout", json={"generation_index": 1}, headers=head)
    assert worn.json()["selected_by_address"] == ADA
    listed = (await api.get(path)).json()
    assert [row["id"] for row in listed["avatars"]] == [made.json()["id"]]
    assert listed["generations"] == []


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"files": {"other": ("a", b"b")}}, "file_missing"),
        ({"files": {"file": ("a", b"b")}}, "glb_malformed"),
        ({"json": {"provider": "meshy", "prompt": "a knight"}}, "provider_not_configured"),
        ({"json": {"provider": "manual"}}, "claim_broken"),
        ({"json": {"provider": "elsewhere", "prompt": "x"}}, "claim_broken"),
        ({"json": {"provider": "import"}}, "claim_broken"),
        ({"json": {"provider": "import", "uri": "https://a.b/c.glb"}}, "claim_broken"),
        ({"json": {"provider": "import", "uri": "ipfs://b" + "a" * 58, "prompt": "x"}},
         "claim_broken"),
        ({"json": []}, "body_malformed"),
    ],
)  # fmt: skip
async def test_a_request_that_is_malformed_is_told_how(place, api, ada, slug, form, code):
    answer = await api.post(f"/api/bots/{slug}/avatars", headers=bearer(place, ada), **form)
    assert answer.json()["code"] == code, answer.text


async def test_an_upload_that_is_too_large_is_not_read_on(place, api, ada, slug):
    data = b"\0" * (forms.GLB_BYTES_MAX + forms.PNG_BYTES_MAX + 100_000)
    answer = await api.post(
        f"/api/bots/{slug}/avatars", files={"file": ("a", data)}, headers=bearer(place, ada)
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")


async def test_who_may_not_is_refused_before_the_upload_is_read(place, api, slug):
    bob = await place.own("bob")
    upload = {"file": ("a", b"no model")}
    answer = await api.post(f"/api/bots/{slug}/avatars", files=upload, headers=bearer(place, bob))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_bot")
    answer = await api.post(f"/api/bots/{slug}/avatars", files=upload)
    assert answer.status_code == 401


async def test_an_import_brings_the_file_of_a_content_id(place, ada, slug):
    other = await looks.bot_of(place, token=2)
    await looks.brought(place, ada, other)
    await looks.approve(place, other, 1)
    uri = await place.owner.fetchval("select glb_uri from bot_avatars")
    wish = Wish(provider="import", source_uri=uri)
    asked = await avatars.request(looks.working(place), ada, slug, wish)
    assert asked["status"] == "wanted"
    await place.work()
    assert await looks.seen(place, ada, slug) == [(1, "pending")]
    generations = await looks.act(place, ada, "agon.show_generations($1)", slug)
    assert [each["status"] for each in generations] == ["done"]


async def test_an_import_of_what_is_not_shown_waits_like_one_that_nobody_has(place, ada, slug):
    other = await looks.bot_of(place, token=2)
    await looks.brought(place, ada, other)
    private = await place.owner.fetchval("select glb_uri from bot_avatars")
    for uri in (private, f"ipfs://{cids.of_bytes(b'nobody has this')}"):
        wish = Wish(provider="import", source_uri=uri)
        row = await avatars.request(looks.working(place), ada, slug, wish)
        assert await looks.generate(place, looks.working(place), row["id"]) == "content_missing"
    assert await looks.seen(place, ada, slug) == []


async def test_an_import_is_fetched_through_the_gateway(place, ada, slug):
    model = looks.model()
    async with kubo.standin() as ipfs:
        cid = cids.of_bytes(model)
        ipfs.held[cid] = model
        desk = looks.working(place, ipfs_gateway_url=ipfs.party.url)
        wish = Wish(provider="import", source_uri=f"ipfs://{cid}")
        row = await avatars.request(desk, ada, slug, wish)
        assert await looks.generate(place, desk, row["id"]) == "done"
    assert await looks.seen(place, ada, slug) == [(1, "pending")]
