"""Rows that break a claim of the tables of invites and reminders, each by one value."""

from __future__ import annotations

from tests.places import wallet

INVITE = {
    "challenge_id": "2", "method": "wallet", "value": wallet("bob"),
    "inviter_wallet": wallet("ada"), "expires_at": "2030-01-01",
}  # fmt: skip
REMINDER = {"email": "ada@example.org", "challenge_id": "2", "type": "finalization"}


def invite(**changes: str) -> str:
    """Its INSERT."""
    return _insert("challenge_invites", INVITE | changes)


def reminder(**changes: str) -> str:
    """Its INSERT."""
    return _insert("reminders", REMINDER | changes)


def _insert(table: str, values: dict[str, str]) -> str:
    texts = ", ".join(f"'{value}'" for value in values.values())
    return f"insert into public.{table} ({', '.join(values)}) values ({texts})"


BROKEN = {
    "challenge_invites_method_is_known": invite(method="pigeon"),
    "challenge_invites_value_has_its_form": invite(method="email", value="Ada@example.org"),
    # The guard of moves speaks before this one.
    "challenge_invites_status_is_known": None,
    "challenge_invites_inviter_is_lower_case_hex": invite(inviter_wallet="ada"),
    "challenge_invites_accepted_by_is_lower_case_hex": invite(
        method="email", value="a@b.example", accepted_by_wallet="ada"
    ),
    "challenge_invites_accepted_say_by_whom": invite(accepted_by_wallet=wallet("bob")),
    # Only an invite that was sent can break it: tests/challenges/test_invites.py.
    "challenge_invites_of_wallets_are_theirs": None,
    "challenge_invites_joined_were_accepted": invite(joined_at="2026-01-01"),
    "challenge_invites_failed_say_why": invite(error="because"),
    "reminders_type_is_known": reminder(type="birthday"),
    "reminders_email_is_one_plain_address": reminder(email="Ada <ada@example.org>"),
    "reminders_sent_say_when": reminder(sent="true", confirmed_at="2026-01-01"),
    "reminders_sent_were_confirmed": reminder(sent="true", sent_at="2026-01-01"),
    "reminders_hash_is_sha256": reminder(token_hash="\\x00"),
}

TWICE = (
    (invite(), "challenge_invites_one_that_stands"),
    (reminder(), "reminders_one_per_address_and_type"),
)
