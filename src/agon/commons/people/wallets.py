"""Wallets: who may speak for which address."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from agon.kernel.database import Conn
from agon.kernel.errors import refuse

# Not secret: it only makes a user's id from a wallet, the same on every machine.
_LOCAL_USERS = uuid.UUID("6f6b8f06-2f0c-4b3e-9a34-7d2f1f4f6a10")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def address(text: str) -> str:
    """The address in lower case. Raises Refused `wallet_malformed`."""
    if not _ADDRESS.fullmatch(text):
        raise refuse(
            "wallet_malformed",
            f"{text[:60]!r} is not a wallet address.",
            hint="Give 0x and 40 hexadecimal digits.",
        )
    return text.lower()


def local_user(wallet: str) -> str:
    """The id of the user that `agon token` makes for a wallet."""
    return str(uuid.uuid5(_LOCAL_USERS, address(wallet)))


async def link(conn: Conn, user_id: str, wallet: str) -> None:
    """Give a wallet to a user. Raises PT409 `wallet_taken`. The caller has checked the proof."""
    await conn.execute("select agon.link_wallet($1, $2)", uuid.UUID(user_id), address(wallet))


async def link_own(conn: Conn, wallet: str, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Give a further wallet to the caller whom the engine works for: {address, linked_at}.

    claims: what was signed (`web3.Proof.claims`). Raises PT409 `wallet_taken`,
    `too_many_wallets`, PT401/PT403 for a caller whose session does not stand.
    """
    linked = await conn.fetchrow(
        "select address, linked_at from agon.link_own_wallet($1, $2)", wallet, dict(claims)
    )
    return dict(linked)


async def unlink(conn: Conn, wallet: str) -> bool:
    """Take a wallet from the caller; False when it was not the caller's. Raises PT409
    `last_wallet`."""
    return await conn.fetchval("select agon.unlink_wallet($1)", address(wallet))


async def listed(conn: Conn) -> list[dict[str, Any]]:
    """The caller's wallets, the oldest first: {address, linked_at}."""
    return [
        dict(row) for row in await conn.fetch("select address, linked_at from agon.list_wallets()")
    ]
