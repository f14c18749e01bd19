"""Rows of the chain for the access matrix."""

from __future__ import annotations

from tests.access.cast import ANY

KINDS = {"public.indexer_state": ANY}

SOW = "insert into public.indexer_state (key, value) values ('last_claims_block', '1');"
