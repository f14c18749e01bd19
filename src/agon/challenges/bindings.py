"""Identity bindings: a wallet signs for an account, and the platform or an operator vouches."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from agon.challenges import binding_messages
from agon.challenges.binding_messages import Message
from agon.challenges.platforms import countersigned, steam
from agon.kernel.config import Settings
from agon.kernel.database import Actor, Conn, Database
from agon.kernel.errors import Refusal, Refused, refuse
from agon.kernel.outbound import Client
from agon.kernel.runtime import Runtime

NONCE_BYTES = 24
RETURN_PATH = "/api/auth/steam/return"


async def list_bound(conn: Conn, wallet: str) -> list[dict[str, Any]]:
    """The wallet's bindings, as the caller may see them."""
    rows = await conn.fetch(
        """
        select wallet, platform, platform_id, handle, signed_by, signature, ts, message,
          message_hash, wallet_signature, created_at, updated_at
        from public.identity_bindings where wallet = $1 order by platform
        """,
        wallet,
    )
    return [dict(row) for row in rows]


async def start_steam(conn: Conn, runtime: Runtime, wallet: str) -> dict[str, Any]:
    """Begin to bind a Steam account: where the wallet's owner signs in, and until when."""
    started = await _start(conn, wallet, steam.NAME)
    back = steam.Return(url=return_url(runtime), wallet=wallet, nonce=started["nonce"])
    url = steam.authorize_url(runtime.settings["steam_url"], back)
    return {"authorize_url": url, "expires_at": started["expires_at"]}


async def read_steam(
    conn: Conn, runtime: Runtime, wallet: str, nonce: str, answer: steam.Fields
) -> dict[str, Any]:
    """What comes back from Steam, with the message that the wallet has to sign for it.

    Nothing is checked with Steam yet. Raises what `steam.read_answer` does.
    """
    back = steam.Return(url=return_url(runtime), wallet=wallet, nonce=nonce)
    now = await conn.fetchval("select agon.now()")
    account = steam.read_answer(answer, runtime.settings["steam_url"], back, now)
    message = Message(
        domain=domain(runtime),
        wallet=wallet,
        platform=steam.NAME,
        platform_id=account,
        nonce=nonce,
        issued_at=now,
    )
    return {"message": binding_messages.write(message), "openid": dict(answer)}


async def finish_steam(
    database: Database, client: Client, runtime: Runtime, caller: Actor, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Bind the Steam account that Steam confirms, for the wallet that signed for it.

    body: {message, signature, openid: the fields that Steam sent}. Nonce and answer are used up
    before Steam is asked, so that each asks it once. Raises what `binding_messages.verify`,
    `steam.read_answer`, `steam.confirm` and the database refuse.
    """
    answer = steam.fields_of(body.get("openid"))
    base_url = runtime.settings["steam_url"]
    async with database.as_worker(caller) as conn:
        message, text, signature = await _signed(conn, runtime, body)
        back = steam.Return(url=return_url(runtime), wallet=message.wallet, nonce=message.nonce)
        now = await conn.fetchval("select agon.now()")
        account = steam.read_answer(answer, base_url, back, now)
        if (message.platform, message.platform_id) != (steam.NAME, account):
            raise _other_account()
        await _use(conn, message)
        used = hashlib.sha256(answer["openid.response_nonce"].encode()).digest()
        await conn.execute("select agon.use_message($1, $2)", used, now + 2 * steam.AGE_MAX)
    await steam.confirm(client, base_url, answer)
    async with database.as_worker(caller) as conn:
        return await _bind(conn, message, text, signature)


async def start_countersigned(
    conn: Conn, runtime: Runtime, wallet: str, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Begin to bind an account that an operator vouches for: what the wallet signs, and what the
    operator does. body: {platform, platform_id, handle}.

    Raises Refused `binding_not_configured` (501), `platform_*`, `handle_malformed`.
    """
    platform = str(body.get("platform", ""))
    account = countersigned.account(platform, str(body.get("platform_id", "")))
    handle = countersigned.handle(body.get("handle"))
    countersigned.operators(runtime.settings)
    started = await _start(conn, wallet, platform)
    message = Message(
        domain=domain(runtime),
        wallet=wallet,
        platform=platform,
        platform_id=account,
        nonce=started["nonce"],
        issued_at=await conn.fetchval("select agon.now()"),
    )
    text = binding_messages.write(message)
    return {
        "message": text,
        "countersign": binding_messages.countersigned_text(message, text, handle),
        "expires_at": started["expires_at"],
    }


async def finish_countersigned(
    conn: Conn, runtime: Runtime, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Bind an account that its owner's wallet and an operator have signed for.

    body: {message, signature, handle, countersignature}. Raises what `binding_messages.verify`
    and the database refuse, and Refused `countersignature_invalid` (403).
    """
    message, text, signature = await _signed(conn, runtime, body)
    countersigned.account(message.platform, message.platform_id)
    handle = countersigned.handle(body.get("handle"))
    countersignature = str(body.get("countersignature", "")).lower()
    signed_by = binding_messages.signer_of(
        binding_messages.countersigned_text(message, text, handle), countersignature
    )
    if signed_by not in countersigned.operators(runtime.settings):
        raise refuse(
            "countersignature_invalid",
            "This binding is not countersigned by an operator of this installation.",
            hint="The operator signs the text of `countersign`, as it was handed out.",
            status=403,
        )
    await _use(conn, message)
    return await _bind(conn, message, text, signature, handle, signed_by, countersignature)


async def unbind(conn: Conn, wallet: str, platform: str) -> bool:
    """Take an account from a wallet of the caller's; False when none was bound."""
    return await conn.fetchval("select agon.unbind_identity($1, $2)", wallet, platform)


def domain(runtime: Runtime) -> str:
    """The site that messages are signed for: host, and port if there is one."""
    return urlsplit(runtime.public_url).netloc.lower()


def return_url(runtime: Runtime) -> str:
    """Where Steam sends people back to."""
    settings: Settings = runtime.settings
    return settings["steam_return_url"] or runtime.public_url + RETURN_PATH


async def _start(conn: Conn, wallet: str, platform: str) -> Mapping[str, Any]:
    nonce = secrets.token_urlsafe(NONCE_BYTES)
    return await conn.fetchrow(
        "select * from agon.start_binding($1, $2, $3)", wallet, platform, nonce
    )


async def _signed(
    conn: Conn, runtime: Runtime, body: Mapping[str, Any]
) -> tuple[Message, str, str]:
    """The message of a body that its wallet has signed, as text too, and the signature."""
    text, signature = str(body.get("message", "")), str(body.get("signature", "")).lower()
    verdict = binding_messages.verify(
        text,
        signature,
        domain=domain(runtime),
        now=await conn.fetchval("select agon.now()"),
    )
    if isinstance(verdict, Refusal):
        raise Refused(verdict)
    return verdict, text, signature


async def _use(conn: Conn, message: Message) -> None:
    await conn.execute(
        "select agon.use_binding_nonce($1, $2, $3)", message.wallet, message.platform, message.nonce
    )


async def _bind(
    conn: Conn,
    message: Message,
    text: str,
    signature: str,
    handle: str | None = None,
    signed_by: str | None = None,
    countersignature: str | None = None,
) -> dict[str, Any]:
    """The binding, as its owner sees it."""
    row = await conn.fetchval(
        "select to_jsonb(agon.bind_identity($1, $2, $3, $4, $5, $6, $7, $8, $9))",
        message.wallet,
        message.platform,
        message.platform_id,
        handle,
        text,
        signature,
        message.ts,
        signed_by,
        countersignature,
    )
    return dict(row)


def _other_account() -> Refused:
    return refuse(
        "binding_invalid",
        "The wallet signed for another account than the one that signed in at Steam.",
        details="account",
        hint="Sign the message that the return from Steam handed out.",
    )
