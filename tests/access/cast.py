"""Whose rows the access matrix is tried on: Ada asks, and Bob is everyone else."""

from __future__ import annotations

from agon.commons.people.wallets import local_user
from tests.places import wallet

Kinds = dict[str, str]
"""Kind of row -> the predicate that tells it from the table's others."""

ADA, BOB = wallet("ada"), wallet("bob")
ADA_ID, BOB_ID = local_user(ADA), local_user(BOB)
CID = {name: "b" + name.ljust(58, "a") for name in ("ada", "bob", "pub")}
SEALED = "sealed:v1:0123456789abcdef:" + ":".join("A" * n for n in (107, 16, 43))
ANY: Kinds = {"any": "true"}


def by_wallet(column: str) -> Kinds:
    """Rows of Ada's wallet, and of Bob's."""
    return {"own": f"{column} = '{ADA}'", "others'": f"{column} = '{BOB}'"}


def by_user(column: str) -> Kinds:
    """Rows of Ada's, and of Bob's."""
    return {"own": f"{column} = '{ADA_ID}'", "others'": f"{column} = '{BOB_ID}'"}
