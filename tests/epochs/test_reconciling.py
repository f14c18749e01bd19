"""Owners compared with the contract at one settled block: what differs is corrected, once."""

from __future__ import annotations

import asyncpg
import pytest

from agon.commons.chain import rpc
from agon.epochs import reconciling
from agon.kernel.errors import Refused
from agon.kernel.jobs import Work
from tests import places
from tests.epochs.ledger import (
    ADA,
    BOB,
    CHAIN,
    CLEO,
    CONTRACT,
    NOBODY,
    OTHER_CONTRACT,
    Transfer,
    history,
    mined_at,
    rebuilt,
    tell,
    undo,
)
from tests.places import SERVICE
from tests.standins import lens_node
from tests.standins.server import Fault

BLOCK = 20
END = 2**31 - 1
"""The log index that stands for the end of a block."""
TOLD = [
    Transfer(block=10, receiver=ADA),
    Transfer(block=10, log=1, token=2, receiver=BOB),
    Transfer(block=11, token=3, receiver=CLEO),
    Transfer(block=12, token=3, sender=CLEO, receiver=NOBODY),
]


@pytest.fixture
async def node():
    async with lens_node.spoken_to() as (there, ours):
        there.mined_s = int(mined_at(BLOCK).timestamp())
        there.owners = {(CONTRACT, 1): ADA, (CONTRACT, 2): BOB}
        yield there, ours


@pytest.fixture
async def told(place):
    """The history of three bots, indexed up to block 30 and final up to 20."""
    await follow(place.owner)
    await tell(place.owner, TOLD, (0, 30))
    return place


async def follow(owner, contract: str = CONTRACT, **columns: int) -> None:
    await owner.execute(
        "insert into agon.chains (chain_id, next_block, finalized_block) values ($1, 31, $2)"
        " on conflict do nothing",
        CHAIN, BLOCK,
    )  # fmt: skip
    span = {"from_block": 0, "to_block": None, "read_from": 0} | columns
    await owner.execute(
        "insert into agon.chain_contracts (chain_id, address, name, from_block, to_block,"
        " read_from) values ($1, $2, 'BotIdentity', $3, $4, $5)",
        CHAIN, contract, *span.values(),
    )  # fmt: skip


async def reconcile(place, node) -> list[tuple]:
    """What was corrected: token, was, became."""
    done = await reconciling.reconcile(place.database, node[1])
    assert done.block == BLOCK
    tokens = {
        row["id"]: int(row["token_id"])
        for row in await place.owner.fetch("select id, token_id from bot_identities")
    }
    return sorted((tokens[c["bot_identity_id"]], c["was"], c["became"]) for c in done.corrected)


async def rows(place, token: int = 1) -> list[tuple]:
    return [
        (row["owner_address"], row["source"],
         *((row[f"{end}_block"], row[f"{end}_log"]) for end in ("from", "to")))
        for row in await history(place.owner) if row["token_id"] == str(token)
    ]  # fmt: skip


async def events(place) -> list[dict]:
    found = await place.owner.fetch(
        "select payload from agon.events where topic = 'bot_identity.corrected' order by id"
    )
    return [row["payload"] for row in found]


async def test_a_history_that_agrees_is_left_alone(told, node):
    assert await reconcile(told, node) == []
    assert await history(told.owner) == rebuilt(TOLD)
    assert await events(told) == []
    (asked,) = node[0].called
    assert (asked[0], sorted(asked[1]), asked[2]) == (CONTRACT, [1, 2, 3], hex(BLOCK))


async def test_a_wrong_owner_is_corrected_from_the_end_of_the_block(told, node):
    node[0].owners[CONTRACT, 1] = CLEO
    assert await reconcile(told, node) == [(1, ADA, CLEO)]
    assert await rows(told) == [
        (ADA, "onchain", (10, 0), (BLOCK, END)),
        (CLEO, "admin_correction", (BLOCK, END), (None, None)),
    ]
    corrected = (await history(told.owner))[1]
    assert corrected["effective_from"] == mined_at(BLOCK)
    (event,) = await events(told)
    assert {key: event[key] for key in ("chain_id", "block", "was", "became")} == {
        "chain_id": CHAIN, "block": BLOCK, "was": ADA, "became": CLEO,
    }  # fmt: skip


async def test_a_second_comparison_finds_nothing(told, node):
    node[0].owners = {(CONTRACT, 1): CLEO, (CONTRACT, 3): ADA}
    assert await reconcile(told, node) == [(1, ADA, CLEO), (2, BOB, None), (3, None, ADA)]
    once = await history(told.owner)
    assert await reconcile(told, node) == []
    assert await history(told.owner) == once
    assert len(await events(told)) == 3


async def test_a_bot_that_is_gone_there_has_no_owner_here(told, node):
    del node[0].owners[CONTRACT, 2]
    assert await reconcile(told, node) == [(2, BOB, None)]
    assert await rows(told, 2) == [(BOB, "onchain", (10, 1), (BLOCK, END))]


async def test_a_bot_thought_gone_is_owned_again(told, node):
    node[0].owners[CONTRACT, 3] = ADA
    assert await reconcile(told, node) == [(3, None, ADA)]
    assert (await rows(told, 3))[-1] == (ADA, "admin_correction", (BLOCK, END), (None, None))


async def test_the_newest_answer_for_a_block_holds(told, node):
    for owner in (CLEO, BOB, ADA):
        node[0].owners[CONTRACT, 1] = owner
        await reconcile(told, node)
    assert (await rows(told))[-1] == (ADA, "admin_correction", (BLOCK, END), (None, None))
    del node[0].owners[CONTRACT, 1]
    await reconcile(told, node)
    assert await rows(told) == [(ADA, "onchain", (10, 0), (BLOCK, END))]


async def test_what_came_after_the_block_stays(told, node):
    await tell(told.owner, [Transfer(block=25, sender=CLEO, receiver=BOB)], (25, 30))
    await tell(told.owner, [Transfer(block=26, token=3, receiver=BOB)], (26, 30))
    node[0].owners |= {(CONTRACT, 1): CLEO, (CONTRACT, 3): ADA}
    assert await reconcile(told, node) == [(1, ADA, CLEO), (3, None, ADA)]
    assert await rows(told) == [
        (ADA, "onchain", (10, 0), (BLOCK, END)),
        (CLEO, "admin_correction", (BLOCK, END), (25, 0)),
        (BOB, "onchain", (25, 0), (None, None)),
    ]
    assert (await rows(told, 3))[1:] == [
        (ADA, "admin_correction", (BLOCK, END), (26, 0)),
        (BOB, "onchain", (26, 0), (None, None)),
    ]


async def test_a_transfer_ends_a_correction_and_its_undoing_brings_it_back(told, node):
    node[0].owners[CONTRACT, 1] = CLEO
    await reconcile(told, node)
    corrected = await history(told.owner)
    await tell(told.owner, [Transfer(block=31, sender=CLEO, receiver=BOB)])
    assert (await rows(told))[1:] == [
        (CLEO, "admin_correction", (BLOCK, END), (31, 0)),
        (BOB, "onchain", (31, 0), (None, None)),
    ]
    await undo(told.owner, BLOCK + 1)
    assert await history(told.owner) == corrected


async def test_a_correction_goes_when_its_block_is_read_anew(told, node):
    node[0].owners = {(CONTRACT, 1): CLEO, (CONTRACT, 3): ADA}
    await reconcile(told, node)
    await tell(told.owner, [Transfer(block=12, log=1, token=1, sender=ADA, receiver=BOB)], (11, 30))
    assert {source for _, source, *_ in await rows(told) + await rows(told, 3)} == {"onchain"}
    assert await history(told.owner) == rebuilt(
        [*TOLD, Transfer(block=12, log=1, sender=ADA, receiver=BOB)]
    )


@pytest.mark.parametrize(
    "fault",
    [
        {"code": -32000, "message": "missing trie node"},
        {"code": 3, "message": "execution reverted", "data": "0x"},
        {"code": -32603, "message": "internal error"},
    ],
)
async def test_an_error_of_the_node_is_not_a_mismatch(told, node, fault):
    node[0].owners, node[0].faults = {}, [fault]
    with pytest.raises(rpc.Fault):
        await reconciling.reconcile(told.database, node[1])
    assert await history(told.owner) == rebuilt(TOLD)


@pytest.mark.parametrize(
    "answer", ["0x", "0x" + "00" * 95, "0x" + "00" * 97, "0x" + "zz" * 96, None, ["0x"]]
)
async def test_an_answer_that_is_not_one_owner_a_token_is_no_answer(told, node, answer):
    node[0].answers = [answer]
    with pytest.raises(Refused) as caught:
        await reconciling.reconcile(told.database, node[1])
    assert caught.value.refusal.code == "chain_answer_malformed"
    assert await history(told.owner) == rebuilt(TOLD)


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(truncate=True)], ids=["500", "cut"])
async def test_a_node_that_breaks_off_corrects_nothing(told, node, fault):
    node[0].owners = {}
    node[0].party.order("/", fault, times=1)
    with pytest.raises(Refused):
        await reconciling.reconcile(told.database, node[1])
    assert await history(told.owner) == rebuilt(TOLD)


async def test_another_chain_of_the_same_number_corrects_nothing(told, node):
    await told.owner.execute(
        "insert into agon.chain_blocks (chain_id, number, hash, mined_at)"
        " values ($1, $2, $3, now())",
        CHAIN, BLOCK, "0x" + "bb" * 32,
    )  # fmt: skip
    node[0].owners = {}
    with pytest.raises(Refused) as caught:
        await reconciling.reconcile(told.database, node[1])
    assert caught.value.refusal.code == "block_differs"
    assert await history(told.owner) == rebuilt(TOLD)


async def test_a_chain_that_is_not_followed_is_not_compared(told, node):
    node[0].chain_id = 1
    with pytest.raises(Refused) as caught:
        await reconciling.reconcile(told.database, node[1])
    assert caught.value.refusal.code == "chain_unknown"


@pytest.mark.parametrize(("next_block", "finalized"), [(0, 50), (40, -1)])
async def test_nothing_is_compared_before_something_is_settled(told, node, next_block, finalized):
    await told.owner.execute(
        "update agon.chains set next_block = $1, finalized_block = $2", next_block, finalized
    )
    done = await reconciling.reconcile(told.database, node[1])
    assert (done.block, done.compared, node[0].called) == (-1, 0, [])


async def test_a_block_that_may_still_be_undone_corrects_nothing(told):
    bot = await told.owner.fetchval("select id from bot_identities limit 1")
    with pytest.raises(Refused) as caught:
        async with told.database.as_worker() as conn:
            await conn.fetch(
                "select * from agon.correct_owners($1, $2, $3, now(), $4, $5)",
                CHAIN, BLOCK + 1, "0x" + "aa" * 32, [bot], [None],
            )  # fmt: skip
    assert caught.value.refusal.code == "block_not_settled"


async def test_a_contract_that_is_no_longer_followed_is_not_asked(told, node):
    await follow(told.owner, OTHER_CONTRACT, to_block=15)
    await tell(told.owner, [Transfer(block=13, contract=OTHER_CONTRACT, receiver=ADA)], (13, 30))
    assert await reconcile(told, node) == []
    assert {contract for contract, *_ in node[0].called} == {CONTRACT}


async def test_many_bots_of_several_contracts_are_asked_in_parts(place, node, monkeypatch):
    monkeypatch.setattr(reconciling, "TOKENS_PER_CALL_MAX", 3)
    monkeypatch.setattr(reconciling, "BOTS_PER_PAGE_MAX", 8)
    everything = [
        Transfer(
            block=5, log=token, token=token % 10, contract=contract, receiver=f"0x{token:040x}"
        )
        for token, contract in enumerate([CONTRACT] * 10 + [OTHER_CONTRACT] * 10, start=10)
    ]
    for contract in (CONTRACT, OTHER_CONTRACT):
        await follow(place.owner, contract)
    await tell(place.owner, everything)
    node[0].owners = {(t.contract, t.token): t.receiver for t in everything}
    node[0].owners[OTHER_CONTRACT, 7] = CLEO
    assert await reconcile(place, node) == [(7, f"0x{27:040x}", CLEO)]
    asked = [(contract, token) for contract, tokens, _ in node[0].called for token in tokens]
    assert len(asked) == len(set(asked)) == 20
    assert max(len(tokens) for _, tokens, _ in node[0].called) == 3


NIGHTLY = "select agon.enqueue_owner_reconciliation()"


async def test_a_night_without_a_chain_queues_nothing(place):
    await place.owner.execute(NIGHTLY)
    assert await place.owner.fetchval("select count(*) from agon.pgqueuer") == 0


async def test_a_night_compares_once(server, tmp_path, node):
    environ = {"AGON_RPC_URL": node[0].party.url}
    async with places.opened(server, "agon_test_night", tmp_path, environ) as place:
        await follow(place.owner)
        await tell(place.owner, TOLD, (0, 30))
        node[0].owners[CONTRACT, 1] = CLEO
        for _ in range(2):
            await place.owner.execute(NIGHTLY)
        assert await place.owner.fetchval("select count(*) from agon.pgqueuer") == 1
        await place.work()
        assert len(await events(place)) == 1


async def test_more_than_the_setting_allows_are_corrected_by_force_alone(server, tmp_path, node):
    environ = {"AGON_RPC_URL": node[0].party.url, "AGON_RECONCILE_OWNERS_MAX": "1"}
    async with places.opened(server, "agon_test_widely", tmp_path, environ) as place:
        await follow(place.owner)
        await tell(place.owner, TOLD, (0, 30))
        work = Work(database=place.database, runtime=place.runtime)
        node[0].owners = {(CONTRACT, 1): CLEO}
        with pytest.raises(Refused) as caught:
            await reconciling.run(work)
        assert caught.value.refusal.code == "owners_differ_widely"
        assert "2 owners differ" in caught.value.refusal.message
        assert await history(place.owner) == rebuilt(TOLD)
        assert await reconciling.run(work, force=True) == 2
        assert (await reconciling.run(work), len(await events(place))) == (0, 2)


async def test_only_the_engine_corrects(told):
    for actor in (told.actor("ada"), SERVICE):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with told.database.as_caller(actor) as conn:
                await conn.fetch("select * from agon.correct_owners(1, 1, '0x', now(), '{}', '{}')")
