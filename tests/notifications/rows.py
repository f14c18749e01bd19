"""Rows of notifications for the access matrix."""

from __future__ import annotations

from tests.access.cast import ADA, BOB, by_wallet

KINDS = {"public.notifications": by_wallet("wallet")}

SOW = f"""
insert into public.notifications (wallet, type, title, key)
values ('{ADA}', 'news', 'Hello', '1'), ('{BOB}', 'news', 'Hello', '1');
"""
