"""A wallet's signature, taken once, as proof of who is there."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from agon.commons.people import siwe
from agon.kernel.config import Settings
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal, Refused, refuse


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Whose wallet signed, and for what. address: in lower case; chain_id: EIP-155; network: the
    same as text, as Supabase's identities have it; domain: host, and port if there is one."""

    address: str
    chain_id: int
    domain: str
    network: str
    statement: str | None

    def claims(self) -> dict[str, str | None]:
        """What an identity keeps of it, as Supabase's `custom_claims`."""
        return {
            "address": self.address,
            "chain": "ethereum",
            "domain": self.domain,
            "network": self.network,
            "statement": self.statement,
        }


async def verify(
    conn: Conn,
    message: str,
    signature: str,
    *,
    allowed_hosts: Collection[str],
    now: datetime,
    chain_ids: Collection[int] = (),
    by_contract: bool = False,
) -> Proof:
    """Check a signed message (EIP-4361) and use it up, in the caller's transaction as the engine.

    allowed_hosts: `siwe.hosts_of` the URLs that are ours; now: `agon.now()`; chain_ids: those
    that are taken, all if empty; by_contract: as `siwe.verify` has it. Raises what that refuses,
    and PT400 `invalid_credentials` for a message that was taken already, also by one beside it.
    """
    verdict = siwe.verify(
        message,
        signature,
        allowed_hosts=allowed_hosts,
        now=now,
        chain_ids=chain_ids,
        by_contract=by_contract,
    )
    if isinstance(verdict, Refusal):
        raise Refused(verdict)
    digest = hashlib.sha256(message.encode()).digest()
    await conn.execute("select agon.use_message($1, $2)", digest, verdict.until)
    return Proof(
        address=verdict.address,
        chain_id=verdict.chain_id,
        domain=verdict.domain,
        network=str(verdict.chain_id),
        statement=verdict.statement,
    )


def chain_ids(settings: Settings) -> frozenset[int]:
    """The chains whose messages are taken; empty: all. Raises Refused `configuration_wrong`."""
    words = [word.strip() for word in settings["web3_chain_ids"].split(",") if word.strip()]
    if not all(word.isdecimal() for word in words):
        raise refuse(
            "configuration_wrong",
            f"AGON_WEB3_CHAIN_IDS holds {settings['web3_chain_ids']!r}.",
            hint="Give numbers, separated by commas.",
        )
    return frozenset(map(int, words))
