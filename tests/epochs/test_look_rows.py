"""Rows of avatars, generations, loadouts and snapshots that break a claim are refused."""

from __future__ import annotations

import asyncpg
import pytest

from tests.epochs import looks
from tests.epochs.ledger import ADA

URI = "ipfs://b" + "a" * 58
AVATAR = {
    "bot_identity_id": "(select id from bot_identities)", "generation_index": "7",
    "source_provider": "'manual'", "glb_uri": f"'{URI}'", "manifest_uri": f"'{URI}'",
}  # fmt: skip
GENERATION = {
    "bot_identity_id": "(select id from bot_identities)", "source_provider": "'meshy'",
    "prompt": "'a knight'",
}  # fmt: skip
LOADOUT = {
    "bot_identity_id": "(select id from bot_identities)",
    "avatar_id": "(select id from bot_avatars)", "selected_by_address": f"'{ADA}'",
}  # fmt: skip
SNAPSHOT = {
    "bot_identity_id": "(select id from bot_identities)", "snapshot_uri": f"'{URI}'",
    "snapshot_hash": "repeat('0', 64)",
}  # fmt: skip
TABLES = {
    "public.bot_avatars": AVATAR,
    "agon.avatar_generations": GENERATION,
    "public.bot_avatar_loadouts": LOADOUT,
    "public.bot_stats_snapshots": SNAPSHOT,
}
LONG = "repeat('x', 601)"
BROKEN = {
    "bot_avatars_begin_at_one": {"generation_index": "0"},
    "bot_avatars_provider_is_known": {"source_provider": "'chance'"},
    "bot_avatars_prompt_has_a_length": {"prompt": LONG},
    "bot_avatars_model_is_content": {"glb_uri": "'https://a.b/c.glb'"},
    "bot_avatars_preview_is_content": {"preview_image_uri": "'c.png'"},
    "bot_avatars_manifest_is_content": {"manifest_uri": "''"},
    "bot_avatars_decided_say_when": {"moderated_at": "now()"},
    "bot_avatars_rejected_say_why": {"moderation_note": "'why'"},
    "avatar_generations_provider_is_outside": {"source_provider": "'manual'"},
    "avatar_generations_prompt_has_a_length": {"prompt": "''"},
    "avatar_generations_source_is_content": {
        "source_provider": "'import'", "prompt": "null", "source_uri": "'ipfs://Qm'",
    },
    "avatar_generations_say_of_what": {"source_uri": f"'{URI}'"},
    "avatar_generations_done_say_which": {"avatar_id": "(select id from bot_avatars)"},
    "avatar_generations_error_is_short": {"last_error": LONG},
    "bot_avatar_loadouts_address_is_lower_case_hex": {"selected_by_address": "'0xABC'"},
    "bot_stats_snapshots_are_content": {"snapshot_uri": "'x'"},
    "bot_stats_snapshots_hash_is_sha256": {"snapshot_hash": "'x'"},
}  # fmt: skip
LATER = {
    "bot_avatars_moderation_is_known", "bot_avatars_note_has_a_length",
    "avatar_generations_status_is_known", "avatar_generations_failed_say_why",
}  # fmt: skip
"""Claims on states that no row begins in: the moves refuse these first, or the claims before."""


@pytest.fixture
async def avatar(place):
    """One of ada's bot."""
    ada, slug = await place.own("ada"), await looks.bot_of(place)
    await looks.brought(place, ada, slug)


@pytest.mark.parametrize("name", BROKEN)
async def test_a_row_that_breaks_the_claim_is_refused(place, avatar, name):
    table = next(each for each in TABLES if name.startswith(each.partition(".")[2]))
    row = TABLES[table] | BROKEN[name]
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await place.owner.execute(
            f"insert into {table} ({', '.join(row)}) values ({', '.join(row.values())})"
        )
    assert error.value.constraint_name == name


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("status = 'failed'", "avatar_generations_failed_say_why"),
        ("status = 'done'", "avatar_generations_done_say_which"),
    ],
)
async def test_a_generation_ends_with_what_it_ends_with(place, avatar, change, name):
    await place.owner.execute(
        f"insert into agon.avatar_generations ({', '.join(GENERATION)}) "
        f"values ({', '.join(GENERATION.values())})"
    )
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await place.owner.execute(f"update agon.avatar_generations set {change}")
    assert error.value.constraint_name == name


async def test_a_note_has_a_length(place, avatar):
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await place.owner.execute(
            "update bot_avatars set moderation_status = 'rejected', moderated_at = now(), "
            "moderation_note = ''"
        )
    assert error.value.constraint_name == "bot_avatars_note_has_a_length"


async def test_every_check_of_the_tables_is_tried(place):
    rows = await place.owner.fetch(
        "select conname from pg_constraint where contype = 'c' "
        "and conrelid = any ($1::text[]::regclass[])",
        list(TABLES),
    )
    assert {row["conname"] for row in rows} == set(BROKEN) | LATER
