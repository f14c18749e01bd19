"""Wallets of tests, and messages that they sign, as Supabase's client writes them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SITE = "https://agon.example"


def account(name: str) -> LocalAccount:
    """The key of somebody called so."""
    return Account.from_key(hashlib.sha256(name.encode()).digest())


def address(name: str) -> str:
    """The wallet of that key, in lower case."""
    return account(name).address.lower()


def message(
    wallet: str,
    *,
    domain: str = "agon.example",
    uri: str = SITE,
    statement: str | None = "Sign in to Agon.",
    chain_id: str = "1",
    nonce: str | None = "abcd1234",
    issued_at: datetime = NOW,
    expires_in: timedelta | None = None,
    begins_in: timedelta | None = None,
    rest: str = "",
) -> str:
    """A message for a wallet. expires_in, begins_in: from issued_at; rest: further lines."""
    lines = [
        f"{domain} wants you to sign in with your Ethereum account:",
        wallet,
        "",
        *([statement] if statement is not None else []),
        "",
        f"URI: {uri}",
        "Version: 1",
        f"Chain ID: {chain_id}",
        *([f"Nonce: {nonce}"] if nonce is not None else []),
        f"Issued At: {written(issued_at)}",
        *([f"Expiration Time: {written(issued_at + expires_in)}"] if expires_in else []),
        *([f"Not Before: {written(issued_at + begins_in)}"] if begins_in else []),
    ]
    return "\n".join(lines) + rest


def written(instant: datetime) -> str:
    """As JavaScript's toISOString."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sign(name: str, text: str) -> str:
    """The signature of that key (personal_sign), 0x and 130 digits."""
    return "0x" + account(name).sign_message(encode_defunct(text=text)).signature.hex()
