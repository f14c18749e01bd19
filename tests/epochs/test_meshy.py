"""Meshy makes avatars: asked once for each step, whatever happens on the way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from agon.epochs import avatars, checks
from agon.epochs.providers import PROVIDERS
from agon.epochs.providers.making import At, Wish
from agon.kernel.jobs import Work, drain
from tests.content.walks import glb, png
from tests.epochs import looks
from tests.places import bearer, refusal_of
from tests.standins import meshy as party
from tests.standins.meshy import TASKS
from tests.standins.server import Fault, broken, rate_limited, truncated


@pytest.fixture
async def ada(place):
    return await place.own("ada")


@pytest.fixture
async def slug(place):
    return await looks.bot_of(place)


@asynccontextmanager
async def meshy(place, **given):
    """The party, and a desk that knows it."""
    given = {"model": looks.model(), "picture": png(), **given}
    async with party.standin(**given) as running:
        yield running, looks.working(place, running)


async def state(place) -> tuple[str, str | None]:
    """Status of the one generation, and the code of its last error."""
    return tuple(
        await place.owner.fetchrow(
            """
            select g.status, substring(coalesce(g.last_error, w.trouble) from '\\[(.*?)\\]')
            from agon.avatar_generations g left join agon.outside_work w on w.key = g.id::text
            """
        )
    )


async def until_done(place, desk, name, attempts: int = 9) -> str:
    """Go on as the queue would, until no further attempt helps."""
    for _ in range(attempts):
        status = await looks.generate(place, desk, name)
        if status in ("done", "failed"):
            break
    return status


async def test_a_prompt_becomes_a_textured_avatar(place, ada, slug):
    async with meshy(place) as (running, desk):
        await looks.asked(place, ada, slug, desk)
        await drain(Work(database=desk.database, runtime=desk.runtime))
        assert await state(place) == ("done", None)
        assert running.asked() == ["preview", "refine"]
        assert running.tasks[0]["asked"]["moderation"] is True
    row = await place.owner.fetchrow("select * from bot_avatars")
    assert (row["source_provider"], row["prompt"], row["generation_index"]) == (
        "meshy", "a knight", 1,
    )  # fmt: skip
    assert (row["moderation_status"], row["preview_image_uri"] is None) == ("pending", False)


async def test_a_generation_twice_is_one_avatar(place, ada, slug):
    async with meshy(place) as (running, desk):
        name = await looks.asked(place, ada, slug, desk)
        assert await looks.generate(place, desk, name) == "done"
        assert await looks.generate(place, desk, name) == "done"
        assert len(running.tasks) == 2
    assert await looks.seen(place, ada, slug) == [(1, "pending")]


async def test_two_workers_at_once_ask_meshy_once(place, ada, slug):
    async with meshy(place) as (running, desk):
        name = await looks.asked(place, ada, slug, desk)
        both = await asyncio.gather(*(looks.generate(place, desk, name) for _ in range(2)))
        assert sorted(both) == ["another has it in hand", "done"]
        assert running.asked() == ["preview", "refine"]


async def test_what_meshy_works_on_is_waited_for(place, ada, slug):
    async with meshy(place, looks=2) as (running, desk):
        name = await looks.asked(place, ada, slug, desk)
        assert await looks.generate(place, desk, name) == "generation_waits"
        assert await state(place) == ("wanted", "generation_waits")
        assert await until_done(place, desk, name) == "done"
        assert running.asked() == ["preview", "refine"]


@pytest.mark.parametrize("loses", [1, 2, 3])
async def test_a_task_whose_answer_was_lost_is_taken_up_and_not_paid_twice(place, ada, slug, loses):
    async with meshy(place, loses=loses) as (running, desk):
        name = await looks.asked(place, ada, slug, desk)
        assert await until_done(place, desk, name) == "done"
        assert running.asked() == ["preview", "refine"]


async def test_lost_tasks_of_the_same_prompt_are_not_taken_for_one(place, ada, slug):
    async with meshy(place, loses=2) as (running, desk):
        names = [await looks.asked(place, ada, slug, desk) for _ in range(2)]
        for name in names:
            assert await looks.generate(place, desk, name) == "provider_failed"
        for name in names:
            assert await until_done(place, desk, name) == "done"
        assert sorted(running.asked()) == ["preview", "preview", "refine", "refine"]


async def test_a_worker_that_died_after_asking_finds_its_task(place, ada, slug):
    async with meshy(place) as (running, desk):
        name = await looks.asked(place, ada, slug, desk)
        async with place.database.as_worker() as conn:
            await conn.execute("select agon.begin_generation($1)", name)
        wish = Wish(provider="meshy", prompt="a knight")
        step = await PROVIDERS["meshy"].step(desk, wish, At())
        assert step.task == "preview/018a-1"  # and the receipt is never written
        assert await until_done(place, desk, name) == "done"
        assert running.asked() == ["preview", "refine"]


@pytest.mark.parametrize("ends", ["FAILED", "CANCELED", "EXPIRED"])
async def test_what_meshy_gives_up_fails_and_says_why(place, ada, slug, ends):
    async with meshy(place, ends=ends) as (_, desk):
        name = await looks.asked(place, ada, slug, desk)
        assert await looks.generate(place, desk, name) == "failed"
    assert await state(place) == ("failed", "generation_failed")
    generations = await looks.act(place, ada, "agon.show_generations($1)", slug)
    assert ends in generations[0]["last_error"]
    assert await looks.seen(place, ada, slug) == []


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (b"no model", "glb_malformed"),
        (glb({"asset": {"version": "2.0"}, "images": [{"uri": "x.png"}]}), "glb_refers_outside"),
        (b"\0" * (32 * 1024 * 1024 + 1), "outbound_too_large"),
    ],
    ids=["malformed", "outside", "large"],
)
async def test_a_model_that_is_none_fails(place, ada, slug, model, code):
    async with meshy(place, model=model) as (_, desk):
        name = await looks.asked(place, ada, slug, desk)
        assert await looks.generate(place, desk, name) == "failed"
    assert await state(place) == ("failed", code)
    assert await looks.seen(place, ada, slug) == []


@pytest.mark.parametrize("picture", [None, b"RIFF....WEBP"])
async def test_a_model_without_a_picture_is_kept(place, ada, slug, picture):
    async with meshy(place, picture=picture) as (_, desk):
        name = await looks.asked(place, ada, slug, desk)
        assert await looks.generate(place, desk, name) == "done"
    assert await place.owner.fetchval("select preview_image_uri from bot_avatars") is None


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        (TASKS, broken()),
        (TASKS, broken(503)),
        (TASKS, Fault(status=402, body=b'{"message":"Insufficient funds"}')),
        (TASKS, Fault(status=401, body=b'{"message":"Invalid API key"}')),
        (TASKS, rate_limited(120)),
        (f"{TASKS}/018a-1", broken()),
        (f"{TASKS}/018a-1", truncated()),
        (f"{TASKS}/018a-1", Fault(body=b'{"status":"NEW"}')),
        (f"{TASKS}/018a-1", Fault(body=b"[]")),
        (f"{TASKS}/018a-2", Fault(body=b'{"status":"SUCCEEDED"}')),
        ("/assets/018a-2/model", Fault(status=403)),
    ],
)
async def test_a_trouble_that_may_pass_is_tried_again(place, ada, slug, path, fault):
    async with meshy(place) as (running, desk):
        running.party.order(path, fault)
        name = await looks.asked(place, ada, slug, desk)
        await looks.generate(place, desk, name)
        assert (await state(place))[0] == "wanted"
        assert await until_done(place, desk, name) == "done"
        assert running.asked() == ["preview", "refine"]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        (TASKS, Fault(status=400, body=b'{"message":"Invalid prompt"}')),
        (f"{TASKS}/018a-1", Fault(status=404, body=b'{"message":"Task not found"}')),
    ],
)
async def test_a_trouble_that_stays_fails(place, ada, slug, path, fault):
    async with meshy(place) as (running, desk):
        running.party.order(path, fault)
        name = await looks.asked(place, ada, slug, desk)
        assert await looks.generate(place, desk, name) == "failed"
    assert await state(place) == ("failed", "generation_failed")


async def test_a_generation_is_given_up_after_so_many_attempts(place, ada, slug):
    async with meshy(place, looks=100) as (_, desk):
        name = await looks.asked(place, ada, slug, desk)
        await place.owner.execute(
            "update agon.outside_work set attempts = $1", avatars.GENERATION.attempts_max - 3
        )
        assert await until_done(place, desk, name) == "failed"
    assert await state(place) == ("failed", "generation_waits")


async def test_a_bot_asks_ten_times_a_day(place, ada, slug):
    async with meshy(place, ends="FAILED") as (_, desk):
        for _ in range(10):
            name = await looks.asked(place, ada, slug, desk)
            assert await looks.generate(place, desk, name) == "failed"
        call = looks.asked(place, ada, slug, desk)
        assert (await refusal_of(call)).code == "too_many_avatars"


async def test_a_bot_that_is_suspended_meanwhile_gets_the_avatar_all_the_same(place, ada, slug):
    async with meshy(place) as (_, desk):
        name = await looks.asked(place, ada, slug, desk)
        await looks.act(place, looks.ADMIN, "public.suspend_bot($1, 'why')", slug)
        assert await looks.generate(place, desk, name) == "done"
    assert await looks.seen(place, ada, slug) == [(1, "pending")]


async def test_what_was_asked_is_the_owners_to_see(place, ada, slug):
    async with meshy(place) as (_, desk):
        await looks.asked(place, ada, slug, desk)
    bob = await place.own("bob")
    assert await looks.act(place, bob, "agon.show_generations($1)", slug) == []
    assert len(await looks.act(place, ada, "agon.show_generations($1)", slug)) == 1


async def test_strangers_do_not_spend_credits(place, slug):
    async with meshy(place) as (_, desk):
        bob = await place.own("bob")
        assert (await refusal_of(looks.asked(place, bob, slug, desk))).code == "not_your_bot"
    assert await place.owner.fetchval("select count(*) from agon.avatar_generations") == 0


async def test_a_prompt_goes_to_meshy_over_http(place, api, ada, slug):
    async with meshy(place) as (_, desk):
        api._transport.app.state.runtime = desk.runtime
        head = bearer(place, ada)
        path = f"/api/bots/{slug}/avatars"
        asked = await api.post(path, json={"provider": "meshy", "prompt": "a knight"}, headers=head)
        assert (asked.status_code, asked.json()["status"]) == (202, "wanted")
        for prompt in ("", "x" * 601):
            body = {"provider": "meshy", "prompt": prompt}
            assert (await api.post(path, json=body, headers=head)).status_code == 400


async def test_the_doctor_tells_the_credits(place):
    assert (await checks.check_meshy(place.runtime)).state == "note"
    async with meshy(place) as (running, desk):
        finding = await checks.check_meshy(desk.runtime)
        assert (finding.state, finding.text) == ("ok", "1000 credits at Meshy")
        running.credits = 0
        assert (await checks.check_meshy(desk.runtime)).state == "wrong"
        stranger = looks.working(place, running, meshy_api_key="msy_other")
        assert (await refusal_of(checks.check_meshy(stranger.runtime))).code == "provider_failed"
