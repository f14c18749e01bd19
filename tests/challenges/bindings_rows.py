"""Rows that break a claim of the tables of bindings, each by one value."""

from __future__ import annotations

import hashlib

from tests.places import wallet

HASH = hashlib.sha256(b"m").hexdigest()
SIGNATURE = "0x" + "0" * 130
BINDING = {
    "wallet": wallet("ada"), "platform": "steam", "platform_id": "76561198085067169",
    "ts": "1", "message": "m", "message_hash": HASH, "wallet_signature": SIGNATURE,
}  # fmt: skip
EPIC = {
    "platform": "epic", "platform_id": "0" * 32, "signed_by": wallet("bob"), "signature": SIGNATURE,
}  # fmt: skip
NONCE = {
    "nonce": "n" * 32, "wallet": wallet("ada"), "platform": "steam", "expires_at": "2030-01-01",
}  # fmt: skip


def binding(**changes: str) -> str:
    """Its INSERT."""
    return _insert("identity_bindings", BINDING | changes)


def nonce(**changes: str) -> str:
    """Its INSERT."""
    return _insert("openid_nonces", NONCE | changes)


def _insert(table: str, values: dict[str, str]) -> str:
    texts = ", ".join(f"'{value}'" for value in values.values())
    return f"insert into public.{table} ({', '.join(values)}) values ({texts})"


BROKEN = {
    "identity_bindings_wallet_is_lower_case_hex": binding(wallet="ada"),
    "identity_bindings_platform_is_known": binding(
        **{**EPIC, "platform": "fax", "platform_id": "0" * 32}
    ),
    "identity_bindings_platform_id_has_its_form": binding(platform_id="7656119808506716"),
    "identity_bindings_handle_is_one_line": binding(handle="a\nb"),
    "identity_bindings_signed_by_is_lower_case_hex": binding(**{**EPIC, "signed_by": "bob"}),
    "identity_bindings_steam_answers_itself_others_are_countersigned": binding(
        platform="epic", platform_id="0" * 32
    ),
    "identity_bindings_signatures_are_65_bytes": binding(wallet_signature="0x00"),
    "identity_bindings_hash_is_of_the_message": binding(message_hash="0" * 64),
    "identity_bindings_message_is_short": binding(
        message="m" * 2001, message_hash=hashlib.sha256(b"m" * 2001).hexdigest()
    ),
    "openid_nonces_are_hard_to_guess": nonce(nonce="1234"),
    "openid_nonces_wallet_is_lower_case_hex": nonce(wallet="ada"),
    "openid_nonces_platform_is_known": nonce(platform="fax"),
}
