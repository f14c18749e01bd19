"""What tests of the index share: a token, its transfers, a table made of them, and walks."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from agon.commons.chain import events, indexing, rpc
from agon.kernel.jobs import Work
from tests.places import Place
from tests.standins.rpc import CHAIN_ID, Chain, Log, standin
from tests.standins.server import Waits, calling

TOKEN = "0x" + "70" * 20
OTHER = "0x" + "71" * 20
PEOPLE = ["0x" + f"{n:02x}" * 20 for n in range(1, 9)]

TRANSFER = {
    "type": "event",
    "name": "Transfer",
    "inputs": [
        {"name": "from", "type": "address", "indexed": True},
        {"name": "to", "type": "address", "indexed": True},
        {"name": "value", "type": "uint256", "indexed": False},
    ],
}
SAID = {
    "type": "event",
    "name": "Said",
    "inputs": [{"name": "text", "type": "string", "indexed": False}],
}
ABI = (TRANSFER, SAID)
TRANSFER_TOPIC, SAID_TOPIC = (event.topic0 for event in events.parse(ABI))


def word(value: int | str) -> str:
    """32 bytes as hex, without 0x."""
    return f"{value:064x}" if isinstance(value, int) else value.removeprefix("0x").rjust(64, "0")


def transfer(source: str, to: str, value: int, address: str = TOKEN) -> Log:
    topics = (TRANSFER_TOPIC, "0x" + word(source), "0x" + word(to))
    return Log(address=address, topics=topics, data="0x" + word(value))


def said(text: bytes, address: str = TOKEN) -> Log:
    padded = text.hex().ljust((len(text) + 31) // 32 * 64, "0")
    return Log(address=address, topics=(SAID_TOPIC,), data=f"0x{word(32)}{word(len(text))}{padded}")


def some_transfers(chance: random.Random, most: int = 3) -> list[Log]:
    return [
        transfer(*chance.sample(PEOPLE, 2), chance.randrange(1000))
        for _ in range(chance.randrange(most + 1))
    ]


EFFECTS = """
create table public.balances (
  chain_id bigint, who text, value numeric, primary key (chain_id, who)
);
create function agon.test_changes(chain bigint, first_block bigint, last_block bigint)
returns table (who text, value numeric) language sql as $$
  select p.who, sum(p.value) from agon.chain_logs l, lateral (values
    (l.args ->> 'from', -(l.args ->> 'value')::numeric),
    (l.args ->> 'to', (l.args ->> 'value')::numeric)) p (who, value)
  where l.chain_id = chain and l.contract = 'Token' and l.event = 'Transfer'
    and l.block_number between first_block and last_block
  group by p.who $$;
create function agon.test_add(chain_id bigint, from_block bigint, to_block bigint)
returns void language sql as $$
  insert into public.balances as b
  select test_add.chain_id, c.who, c.value
  from agon.test_changes(chain_id, from_block, to_block) c
  on conflict on constraint balances_pkey do update set value = b.value + excluded.value $$;
create function agon.test_take(chain_id bigint, first_undone bigint)
returns void language sql as $$
  update public.balances b set value = b.value - c.value
  from agon.test_changes(test_take.chain_id, first_undone, 1::bigint << 60) c
  where b.chain_id = test_take.chain_id and b.who = c.who $$;
select agon.register_chain_effect('Token', 'Transfer', 100, 'agon.test_add', 'agon.test_take');
"""


def abi_of(name: str, _version: int) -> tuple[Mapping[str, Any], ...]:
    assert name in ("Token", "Other")
    return ABI


def configured(place: Place, **values: Any) -> Work:
    """The work of a process that is set up so."""
    settings = replace(place.runtime.settings, values={**place.runtime.settings.values, **values})
    process = replace(place.runtime, settings=settings)
    process.__dict__["urls"] = place.runtime.urls
    return Work(database=place.database, runtime=process)


async def keep(place: Place, address: str = TOKEN, from_block: int = 0, **options: Any) -> Any:
    """Have a contract's logs read."""
    async with place.database.as_worker() as conn:
        await conn.execute("select agon.open_chain($1, 0)", CHAIN_ID)
        return await conn.fetchrow(
            "select * from agon.keep_contract($1, $2, 1, $3, $4, $5)",
            CHAIN_ID,
            options.get("name", "Token"),
            address,
            from_block,
            options.get("replace", False),
        )


@asynccontextmanager
async def walking(
    place: Place, chain: Chain, *, confirmations: int = 4, waits: Waits | None = None
) -> AsyncIterator[indexing.Walk]:
    """A walk along a stand-in's chain; its server is `walk.node.party`."""
    waits = Waits() if waits is None else waits
    async with standin(chain) as party, calling(party, waits=waits) as client:
        node = rpc.Node(client, party.url + "/", sleep=waits)
        walk = indexing.walk(Work(database=place.database, runtime=place.runtime), node)
        node.party = party  # type: ignore[attr-defined]
        yield replace(walk, abi_of=abi_of, confirmations=confirmations)


async def stored(place: Place) -> list[tuple[Any, ...]]:
    """The logs that we hold."""
    rows = await place.owner.fetch(
        """
        select l.block_number, l.log_index, l.tx_hash, l.address, l.event, l.args,
          extract(epoch from l.mined_at)::bigint, b.hash
        from agon.chain_logs l left join agon.chain_blocks b on b.number = l.block_number
        order by 1, 2
        """
    )
    return [tuple(row) for row in rows]


def true_logs(chain: Chain, first: int = 0) -> list[tuple[Any, ...]]:
    """The logs that we should hold, read off the chain itself."""
    found = []
    for block in chain.blocks[first : chain.latest + 1]:
        for log in block.logs_as_json():
            topics, data = log["topics"], log["data"]
            if log["address"] != TOKEN:
                continue
            if topics[0] == TRANSFER_TOPIC:
                event, args = "Transfer", {
                    "from": "0x" + topics[1][26:],
                    "to": "0x" + topics[2][26:],
                    "value": str(int(data, 16)),
                }  # fmt: skip
            else:
                length = int(data[66:130], 16)
                text = bytes.fromhex(data[130 : 130 + 2 * length]).decode()
                event, args = "Said", {"text": text}
            found.append(
                (block.number, int(log["logIndex"], 16), log["transactionHash"], TOKEN, event, args,
                 block.time_s, block.hash)
            )  # fmt: skip
    return found


def true_balances(chain: Chain) -> dict[str, int]:
    """What EFFECTS should have made of the chain."""
    held: dict[str, int] = {}
    for log in true_logs(chain):
        if log[4] == "Transfer":
            value = int(log[5]["value"])
            held[log[5]["from"]] = held.get(log[5]["from"], 0) - value
            held[log[5]["to"]] = held.get(log[5]["to"], 0) + value
    return {who: value for who, value in held.items() if value}


async def balances(place: Place) -> dict[str, int]:
    rows = await place.owner.fetch("select who, value from public.balances where value <> 0")
    return {row["who"]: int(row["value"]) for row in rows}
