"""Descriptions of challenges that stand on a chain, and their entry in its registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.challenges import challenges
from agon.commons.chain import artifacts, calls, intents
from agon.commons.content import files, publishing
from agon.kernel.canonical import canonical
from agon.kernel.database import Conn, Database
from agon.kernel.errors import refuse
from agon.kernel.runtime import Runtime

PURPOSE = "challenges.registry"
CONTENT_KEYS = ("title", "description", "model_id", "params", "proof")
"""What the chain's contentHash is made of; a key that is left out is null."""


async def describe(
    conn: Conn, creator: str, challenge_id: object, draft: Mapping[str, Any]
) -> dict[str, Any]:
    """Say what a challenge on a chain is; its timeline and funds are the chain's.

    Raises Refused `draft_unknown_field`, what `challenges.check` refuses, and the database's
    refusals, such as `description_differs`.
    """
    number = _number(challenge_id)
    unknown = sorted(set(draft) - set(CONTENT_KEYS))
    if unknown:
        raise refuse(
            "draft_unknown_field",
            f"The description of a challenge on a chain has no field {unknown[0]!r}.",
            details=", ".join(unknown),
            hint=f"Its fields are {', '.join(CONTENT_KEYS)}; the rest is the chain's.",
        )
    row = await conn.fetchrow("select * from agon.show_chain_challenge($1)", number)
    model = await conn.fetchrow(
        "select * from agon.find_model($1)", str(draft.get("model_id") or "")
    )
    draft_in_time = {**draft, "timeline": row["timeline"]}
    challenges.check(draft_in_time, model["judge"], model["params_schema"])
    described = await conn.fetchval(
        "select to_jsonb(agon.describe_challenge($1, $2, $3))",
        creator,
        number,
        content_of(draft).decode(),
    )
    return dict(described)


def content_of(draft: Mapping[str, Any]) -> bytes:
    """The canonical JSON whose SHA-256 a creator gives to the chain. Pure."""
    return canonical({key: draft.get(key) for key in CONTENT_KEYS})


def _number(challenge_id: object) -> int:
    if type(challenge_id) is not int or not 0 <= challenge_id < 2**63:
        raise refuse(
            "challenge_id_malformed",
            "id is not the number of a challenge.",
            details="/id",
            status=422,
        )
    return challenge_id


async def register(database: Database, runtime: Runtime, challenge_id: int) -> bool:
    """Publish a challenge's description under its content id, and mean its entry in the registry.

    False where there is nothing to do. Safe to run any number of times.
    """
    async with database.as_worker() as conn:
        due = await conn.fetchval("select agon.load_registration($1)", challenge_id)
        if due is None:
            return False
        cid = await publishing.publish(
            conn, files.folder(runtime), due["content"].encode(), "application/json"
        )
        await intents.mean(
            conn,
            chain_id=due["chain_id"],
            key=due["key"],
            purpose=PURPOSE,
            to=due["registry"],
            data=calls.encode(
                artifacts.load("MetadataRegistry"),
                "setMetadata",
                challenge_id,
                f"ipfs://{cid}",
                bytes.fromhex(due["content_hash"][2:]),
            ),
            payload={"challenge_id": challenge_id},
        )
        await conn.execute("select agon.note_registration_meant($1, $2)", challenge_id, cid)
    return True
