"""Domains of organisations: whether DNS still says whose they are."""

from __future__ import annotations

from typing import Any

from agon.commons.organisations import resolver
from agon.kernel import logs
from agon.kernel.jobs import Work

log = logs.get("agon.organisations")


async def check(work: Work, payload: dict[str, Any]) -> None:
    """Look an organisation's domain up, and note what was found. Raises Refused `dns_unreachable`,
    which counts as no failure of the domain's."""
    async with work.database.as_worker() as conn:
        config = await conn.fetchval(
            "select agon.domain_to_check($1::text::uuid)", payload["org_id"]
        )
    if config is None:
        return
    record = config["domain"]["record"]
    said = await resolver.texts(work.runtime.settings["dns_resolver"], record["name"])
    async with work.database.as_worker() as conn:
        outcome = await conn.fetchval(
            "select agon.note_domain_check($1::text::uuid, $2, $3)",
            payload["org_id"],
            record["value"],
            record["value"] in said,
        )
    log.info("domain.checked", domain=config["custom_domain"], outcome=outcome)
