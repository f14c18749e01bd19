"""Coming back: with a password, a refresh token, a code, a mailed proof, or a wallet."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from agon.auth import flows, mailing, proofs
from agon.auth.desk import Desk
from agon.commons.people import sessions, users
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal

HALF_DONE = "Confirmation link accepted. Please proceed to confirm link sent to the other email"
LATE_CODE = Refusal(code="otp_expired", message="Token has expired or is invalid", status=403)
LATE_LINK = Refusal(code="otp_expired", message="Email link is invalid or has expired", status=403)
CODES_PER = users.WINDOW


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A mailed proof that was given back. code: to be exchanged, where the client began with a
    challenge; session: else; neither while the other half of a change of address is missing."""

    session: sessions.Session | None = None
    code: str | None = None


async def with_password(desk: Desk, email: str, password: str) -> sessions.Session | Refusal:
    """As `users.sign_in`."""
    return await users.sign_in(desk.database, desk.visit, desk.terms, desk.tries, email, password)


async def with_refresh_token(desk: Desk, token: str) -> sessions.Session | Refusal:
    """As `sessions.refresh`."""
    async with desk.acting() as conn:
        return await sessions.refresh(conn, desk.terms, token)


async def with_flow_code(desk: Desk, code: str, verifier: str) -> sessions.Session | Refusal:
    """The session of a flow, with the provider's tokens where there was one."""
    async with desk.acting() as conn:
        outcome = await flows.exchange(conn, desk, code, verifier)
    if isinstance(outcome, Refusal):
        return outcome
    session, tokens = outcome
    return session | (json.loads(tokens) if tokens else {})


async def with_wallet(desk: Desk, message: str, signature: str) -> sessions.Session:
    """Sign in with Ethereum. Raises Refused `signup_disabled`, `over_request_rate_limit`, and what
    `web3.verify` does."""
    by_contract = await proofs.is_by_contract(desk, message, signature)
    async with desk.acting() as conn:
        proof = await proofs.of_wallet(conn, desk, message, signature, by_contract=by_contract)
        user_id = await conn.fetchval(
            "select agon.sign_in_with_wallet($1, $2, $3)",
            proof.address,
            proof.claims(),
            desk.settings["auth_sign_ups"],
        )
        return await sessions.begin(conn, desk.terms, user_id, "web3")


async def with_link(desk: Desk, kind: str, token: str, *, by_browser: bool) -> Answered | Refusal:
    """Honour a mailed link. by_browser: a client that began with a challenge gets a code."""
    async with desk.acting() as conn:
        used = await conn.fetchval(
            "select agon.use_link($1, $2)", list(mailing.KINDS[kind]), sessions.digest(token)
        )
        return LATE_LINK if used is None else await _honoured(conn, desk, used, by_browser)


async def with_code(desk: Desk, kind: str, email: str, code: str) -> Answered | Refusal:
    """Honour mailed digits. Wrong ones count against the code and against the visitor."""
    whose = desk.visit.network
    async with desk.acting() as conn:
        wait_s = await conn.fetchval(
            "select agon.spend_for('code', $1, $2, $3)",
            whose,
            desk.settings["auth_failures_per_address"],
            CODES_PER,
        )
        if wait_s:
            return users.over_limit(wait_s)
        used = await conn.fetchval(
            "select agon.use_code($1, $2, $3, $4)",
            list(mailing.KINDS[kind]),
            email,
            mailing.hashes(desk.runtime.jwt_keys, email, code),
            mailing.ATTEMPTS_MAX,
        )
        if used is None:
            return LATE_CODE
        await conn.execute("select agon.refund('code', $1)", whose)
        return await _honoured(conn, desk, used, False)


async def _honoured(conn: Conn, desk: Desk, used: dict[str, Any], by_browser: bool) -> Answered:
    if used["is_half"]:
        return Answered()
    user_id = uuid.UUID(used["user_id"])
    if by_browser and used["flow_id"]:
        return Answered(code=await flows.issue(conn, uuid.UUID(used["flow_id"]), user_id, "otp"))
    return Answered(session=await sessions.begin(conn, desk.terms, user_id, "otp"))
