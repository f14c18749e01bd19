"""A chain as the index sees it, told without a node: logs in blocks, their effects, and undoing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from agon.challenges import registry
from tests.places import Place, wallet

CHAIN = 31337
START_S, END_S = 1_793_000_000, 1_793_600_000
"""As long as the draft of test_challenges lasts."""
MINED_S = START_S - 100_000
ADDRESSES = {
    name: "0x" + hashlib.sha256(name.encode()).hexdigest()[:40]
    for name in ("ChallengePay", "Treasury", "MetadataRegistry", "ChallengeAchievement", "AIVM")
}
SIGNER = wallet("our signer")
STAKE_WEI, POT_WEI = 10**18, 3 * 10**18 + 1
RULE = {
    "version": 1, "sports": ["run"], "metric": "distance", "unit": "km", "aggregate": "total",
    "compare": ">=", "target": 10,
}  # fmt: skip
DRAFT = {
    "title": "Run", "description": None, "model_id": "agon.fitness@1",
    "proof": {"params": {"rule": RULE}},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Log:
    """One log, before it has a place."""

    contract: str
    event: str
    args: dict[str, Any]
    tx: str | None = None
    address: str | None = None


@dataclass(kw_only=True)
class Story:
    """Blocks are numbered from 1; `mine` is a range of one block."""

    place: Place
    head: int = 0
    told: int = 0

    async def mine(self, *logs: Log) -> int:
        """A block with these logs, and their effects; its number."""
        self.head += 1
        await self.write(self.head, *logs)
        await self.apply(self.head, self.head)
        return self.head

    async def write(self, block: int, *logs: Log) -> None:
        """Logs of a block, without effects."""
        for index, log in enumerate(logs):
            self.told += 1
            await self.place.owner.execute(
                """
                insert into agon.chain_logs (chain_id, block_number, log_index, tx_hash, address,
                  contract, event, args, mined_at)
                values ($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9))
                """,
                CHAIN, block, index, log.tx or hash_of(f"{block} {self.told}"),
                log.address or ADDRESSES[log.contract], log.contract, log.event, log.args,
                MINED_S + 12 * block,
            )  # fmt: skip

    async def apply(self, first: int, last: int) -> None:
        """The effects of a range of blocks."""
        await self.place.owner.execute(
            "select agon.run_chain_effects($1, $2, $3)", CHAIN, first, last
        )

    async def undo(self, first: int) -> None:
        """A reorganisation takes back the blocks from one on."""
        await self.place.owner.execute("select agon.undo_chain_effects($1, $2)", CHAIN, first)
        await self.place.owner.execute(
            "delete from agon.chain_logs where chain_id = $1 and block_number >= $2", CHAIN, first
        )
        self.head = first - 1

    async def reach(self, mined_s: int) -> None:
        """A block without logs, of that time, which is final."""
        self.head += 1
        await self.place.owner.execute(
            """
            with block as (
              insert into agon.chain_blocks (chain_id, number, hash, mined_at)
              values ($1, $2, $3, to_timestamp($4)))
            update agon.chains set next_block = $2 + 1, finalized_block = $2
            """,
            CHAIN, self.head, hash_of(f"block {self.head}"), mined_s,
        )  # fmt: skip

    async def finalize(self, block: int | None = None) -> None:
        """Blocks up to one (the head) are final."""
        await self.place.owner.execute(
            "update agon.chains set finalized_block = $1", self.head if block is None else block
        )


async def begun(place: Place, *missing: str) -> Story:
    """A chain that is followed, with our contracts but those that are missing."""
    await place.owner.execute("select agon.open_chain($1)", CHAIN)
    for name, address in ADDRESSES.items():
        if name not in missing:
            await place.owner.execute(
                "select agon.keep_contract($1, $2, 1, $3, 0)", CHAIN, name, address
            )
    return Story(place=place)


def hash_of(text: str) -> str:
    """A 32-byte hash in hex."""
    return "0x" + hashlib.sha256(text.encode()).hexdigest()


CONTENT_HASH = "0x" + hashlib.sha256(registry.content_of(DRAFT)).hexdigest()


def created(
    number: int = 2, creator: str = "ada", content_hash: str = CONTENT_HASH, **window: int
) -> Log:
    return pay(
        "ChallengeCreated", number, creator=wallet(creator), stake=str(STAKE_WEI),
        pot=str(POT_WEI), startsAt=str(window.get("start", START_S)),
        endsAt=str(window.get("end", END_S)), contentHash=content_hash,
    )  # fmt: skip


def pay(event: str, number: int = 2, tx: str | None = None, **args: str) -> Log:
    return Log(contract="ChallengePay", event=event, args={"id": str(number), **args}, tx=tx)


def joined(name: str, number: int = 2, tx: str | None = None) -> Log:
    return pay("Joined", number, tx, user=wallet(name), amount=str(STAKE_WEI))


def finalized(outcome: int, number: int = 2) -> Log:
    return pay("Finalized", number, status="5", outcome=str(outcome))


def metadata_set(number: int = 2, content_hash: str = CONTENT_HASH) -> Log:
    args = {"id": str(number), "uri": "ipfs://b", "contentHash": content_hash}
    return Log(contract="MetadataRegistry", event="MetadataSet", args=args)


def treasury_claimed(name: str, bucket: str, amount_wei: int, tx: str | None = None) -> Log:
    args = {"bucketId": bucket, "to": wallet(name), "amount": str(amount_wei)}
    return Log(contract="Treasury", event="ClaimedETH", args=args, tx=tx)


def minted(token: int, name: str, kind: int, number: int = 2) -> Log:
    args = {
        "tokenId": str(token), "challengeId": str(number), "recipient": wallet(name),
        "aType": str(kind),
    }  # fmt: skip
    return Log(contract="ChallengeAchievement", event="AchievementMinted", args=args)


def aivm(event: str, request: int = 1, **args: str) -> Log:
    return Log(contract="AIVM", event=event, args={"requestId": str(request), **args})


def attested(request: int = 1, validator: str = "val") -> Log:
    args = {
        "taskId": hash_of(f"task {request}"), "validator": wallet(validator), "count": "1",
        "resultHash": hash_of("result"), "transcriptHash": hash_of("t"), "slot": "1",
    }  # fmt: skip
    return Log(contract="AIVM", event="PoIAttested", args=args)
