"""Rows of the kernel for the access matrix."""

from __future__ import annotations

from tests.access.cast import ADA, BOB, CID, by_wallet

KINDS = {"agon.results": by_wallet("subject") | {"public": "subject is null"}}

SOW = f"""
insert into agon.results (cid, kind, version, bundle, subject)
values ('{CID["ada"]}', 'example', 1, '', '{ADA}'),
  ('{CID["bob"]}', 'example', 1, '', '{BOB}'),
  ('{CID["pub"]}', 'example', 1, '', null);
"""
