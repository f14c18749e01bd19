"""Payouts and editions on a chain: to the wei, once, and our rows say what the chain holds."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agon.commons.chain import calls, fees
from agon.epochs import paying
from agon.epochs.payouts import RECEIVERS_MAX
from agon.kernel import commands
from agon.kernel.errors import Refused
from agon.kernel.jobs import Work
from tests.chain import outbox
from tests.chain.outbox import SIGNER
from tests.contracts import deployed
from tests.epochs import paydays
from tests.epochs.paydays import URI, pay_day, settled
from tests.epochs.settled import POOL, paid, played, settle
from tests.epochs.test_commands import said
from tests.places import wallet

SPENDS_ALL_GAS = 2
"""How a Receiver of contracts/test minds being paid."""
TRANSACTION_GAS_MAX = 2**24
"""https://eips.ethereum.org/EIPS/eip-7825"""
ODD = [("ada", 10**18 + 1), ("bob", 2**80 + 3), ("cleo", 1), ("dan", 10**18 + 1), ("ada", 7)]


@pytest.fixture
async def bank(place):
    async with paydays.bank(place) as opened:
        yield opened


async def work(place, **settings) -> None:
    """The jobs that wait, by a worker with these settings."""
    values = {**place.runtime.settings.values, **settings}
    process = replace(place.runtime, settings=replace(place.runtime.settings, values=values))
    process.__dict__["urls"] = place.runtime.urls
    rows = await place.owner.fetch(
        "delete from agon.pgqueuer where entrypoint = 'epochs.pay' returning payload"
    )
    for row in rows:
        payload = await place.owner.fetchval(
            "select convert_from($1, 'UTF8')::jsonb", row["payload"]
        )
        await paying.run(Work(database=place.database, runtime=process), payload)


async def test_the_sums_on_the_chain_are_the_rows_to_the_wei(bank, place):
    await bank.node.fund(SIGNER, 2**90)
    day = await settled(place, ODD)
    assert await pay_day(place) == {
        "started": 5, "again": 0, "owed": 5, "unstarted": 0, "confirmed": 0,
        "edition": "pending", "edition_waits": None,
    }  # fmt: skip
    await place.work()
    assert await day.states() == {"pending"}
    await bank.turn()
    rows = await day.rows()
    assert {row["status"] for row in rows} == {"confirmed"}
    assert await bank.paid(day) == day.sums
    assert sum(day.sums.values()) == sum(int(row["wei"]) for row in rows)
    assert await bank.world.balance("EpochPayout") == 0
    (tx_hash,) = {row["payout_tx_hash"] for row in rows}
    assert (await bank.node.receipt(tx_hash))["status"] == "0x1"
    assert {(row["batch"], row["chain_id"], row["error"]) for row in rows} == {(0, 31337, None)}
    assert not any(row["credited"] for row in rows)
    assert all(row["settled_at"] for row in rows)


async def test_an_edition_is_minted_once_with_its_document(bank, place):
    day = await settled(place, ODD[:2])
    await pay_day(place)
    await place.work()
    await bank.turn()
    edition = await day.edition()
    assert (edition["status"], edition["recipient_address"]) == ("confirmed", wallet("bob"))
    assert edition["contract_address"] == bank.world.at["Edition"]
    assert await bank.world.ask("Edition", "tokenURI", day.number) == URI
    assert await bank.world.ask("Edition", "ownerOf", day.number) == wallet("bob")
    block = await bank.node.rpc(
        "eth_getBlockByNumber", (await bank.node.receipt(edition["tx_hash"]))["blockNumber"], False
    )
    assert edition["minted_at"].timestamp() == int(block["timestamp"], 16)
    assert (await pay_day(place))["edition"] == "confirmed"
    await place.work()
    await bank.turn()
    minted = "select count(*) from agon.chain_intents where purpose = 'epochs.edition'"
    assert await place.owner.fetchval(minted) == 1


async def test_an_edition_goes_to_whom_the_setting_names(bank, place):
    day = await settled(place, ODD)
    await pay_day(place)
    await work(place, edition_recipient=wallet("museum").upper().replace("0X", "0x"))
    await bank.turn()
    assert await bank.world.ask("Edition", "ownerOf", day.number) == wallet("museum")
    assert (await day.edition())["recipient_address"] == wallet("museum")


async def test_a_setting_that_is_no_address_holds_up_no_payout(bank, place):
    day = await settled(place, ODD[2:])
    await pay_day(place)
    with pytest.raises(Refused, match="wallet_malformed"):
        await work(place, edition_recipient="the museum")
    await bank.turn()
    assert await day.states() == {"confirmed"}
    assert (await day.edition())["status"] == "pending"
    await pay_day(place)
    await work(place)
    await bank.turn()
    assert (await day.edition())["status"] == "confirmed"


async def test_a_day_that_pays_nobody_has_an_edition_once_somebody_is_named(bank, place):
    day = await settled(place, [])
    assert (await pay_day(place))["owed"] == 0
    await work(place)
    edition = await day.edition()
    assert (edition["status"], edition["chain_id"]) == ("pending", None)
    assert "AGON_EDITION_RECIPIENT" in edition["error"]
    assert (await pay_day(place))["edition_waits"] == edition["error"]
    await work(place, edition_recipient=wallet("museum"))
    await bank.turn()
    edition = await day.edition()
    assert (edition["status"], edition["error"]) == ("confirmed", None)


async def test_batches_are_cut_at_their_size_and_each_is_paid(bank, place):
    day = await settled(place, [(f"payee {n}", 10**9 + n) for n in range(7)])
    assert await day.pay(3) == 3
    await bank.turn()
    sizes = [row["batch"] for row in await day.rows()]
    assert [sizes.count(batch) for batch in range(3)] == [3, 3, 1]
    assert await day.states() == {"confirmed"}
    assert await bank.paid(day) == day.sums
    assert len({row["payout_tx_hash"] for row in await day.rows()}) == 3


async def test_what_runs_at_the_same_time_or_again_pays_once(bank, place):
    day = await settled(place, [(f"payee {n}", 10**9 + n) for n in range(10)])
    made = await asyncio.gather(*(day.pay(4) for _ in range(5)))
    assert sorted(made) == [0, 0, 0, 0, 3]
    for _ in range(3):
        await pay_day(place)
        await place.work()
        assert await day.pay(2) == 0
        await bank.turn()
    assert await bank.paid(day) == day.sums
    assert await bank.world.balance("EpochPayout") == 0


async def test_who_refuses_the_payment_is_credited_and_withdraws(bank, place):
    world = bank.world
    grumpy = await world.make(deployed.attacker("Receiver"), name="Grumpy")
    await world.send("Grumpy", "behave", 1, grumpy, b"")
    day = await settled(place, [("ada", 5), (grumpy, 40), (grumpy, 2)])
    await day.pay()
    await bank.turn()
    rows = await day.rows()
    assert {(row["recipient_address"], row["credited"]) for row in rows} == {
        (wallet("ada"), False), (grumpy, True),
    }  # fmt: skip
    assert {(row["status"], row["error"]) for row in rows} == {("confirmed", None)}
    assert await world.ask("EpochPayout", "credit", grumpy) == 42
    await world.send("Grumpy", "behave", 0, grumpy, b"")
    withdraw = calls.encode(world.known["EpochPayout"], "withdraw")
    await world.send("Grumpy", "act", world.at["EpochPayout"], withdraw)
    assert await world.balance(grumpy) == 42


async def test_a_batch_that_failed_is_paid_once_when_the_operator_tries_again(bank, place):
    role = await bank.world.ask("EpochPayout", "PAYER_ROLE")
    await bank.world.send("EpochPayout", "revokeRole", role, SIGNER)
    day = await settled(place, [(f"payee {n}", 10**9 + n) for n in range(5)])
    await day.pay(2)
    await bank.turn()
    rows = await day.rows()
    assert {row["status"] for row in rows} == {"failed"}
    assert all("the chain would refuse it" in row["error"] for row in rows)
    assert all(row["settled_at"] and row["payout_tx_hash"] is None for row in rows)
    assert set((await bank.paid(day)).values()) == {0}
    await bank.world.send("EpochPayout", "grantRole", role, SIGNER)
    await bank.turn()
    assert await day.states() == {"failed"}, "nobody tries again by himself"
    assert (await pay_day(place))["again"] == 3
    assert await day.states() == {"pending"}
    assert (await pay_day(place))["again"] == 0
    await bank.turn()
    assert await day.states() == {"confirmed"}
    assert {row["error"] for row in await day.rows()} == {None}
    assert (await pay_day(place))["again"] == 0
    await bank.turn()
    assert await bank.paid(day) == day.sums


async def test_without_a_chain_payouts_wait_and_are_paid_later(place):
    async with paydays.bank(place, followed=False) as bank:
        day = await settled(place, ODD[2:])
        assert await place.owner.fetchval("select agon.pay_epoch($1)", day.id) == 0
        await place.work()
        said = await pay_day(place)
        assert (said["started"], said["unstarted"], said["edition"]) == (0, 3, "pending")
        assert said["edition_waits"] == "It waits for Edition, the contract, on a chain."
        assert await day.pay() == 0
        assert await day.states() == {"pending"}
        assert {row["chain_id"] for row in await day.rows()} == {None}
        await paydays.follow(place, bank.world)
        said = await pay_day(place)
        assert (said["started"], said["unstarted"], said["edition_waits"]) == (3, 0, None)
        await place.work()
        await bank.turn()
        assert await day.states() == {"confirmed"}
        assert await bank.paid(day) == day.sums


async def test_a_reorganisation_takes_rows_back_and_they_end_confirmed(bank, place):
    await bank.node.mine(3)
    day = await settled(place, ODD[2:])
    await pay_day(place)
    await place.work()
    await bank.turn()
    assert await day.states() == {"confirmed"}
    await bank.node.reorg(1)
    await bank.read()
    assert await day.states() == {"submitted"}
    assert {(r["payout_tx_hash"], r["settled_at"]) for r in await day.rows()} == {(None, None)}
    edition = await day.edition()
    assert (edition["status"], edition["tx_hash"]) == ("submitted", None)
    assert edition["minted_at"] is None
    assert set((await bank.paid(day)).values()) == {0}
    await bank.turn(2)
    assert await day.states() == {"confirmed"}
    assert (await day.edition())["status"] == "confirmed"
    assert await bank.paid(day) == day.sums


async def test_what_the_contract_did_before_its_transaction_failed_is_confirmed_by_its_log(
    bank, place
):
    """As when an operator tries again, and a reorganisation lets the first attempt succeed."""
    await bank.node.mine(3)
    day = await settled(place, [("ada", 5), ("bob", 6)])
    await day.pay()
    push = (day.number, 0, [wallet("bob"), wallet("ada")], [6, 5])
    await bank.world.send("EpochPayout", "push", *push, sender=SIGNER, value=11)
    bank.head = await outbox.rounds(bank.desk)
    assert await day.states() == {"failed"}
    await bank.read()
    assert await day.states() == {"confirmed"}
    assert all(row["payout_tx_hash"] and row["error"] is None for row in await day.rows())
    assert (await pay_day(place))["again"] == 0
    assert await bank.paid(day) == day.sums
    await bank.node.reorg(1)
    await bank.read()
    assert await day.states() == {"failed"}, "that log is gone, and so is the payment"
    assert (await pay_day(place))["again"] == 1
    await bank.turn()
    assert await day.states() == {"confirmed"}
    assert await bank.paid(day) == day.sums


async def test_a_batch_of_somebody_else_pays_nothing_of_ours(bank, place):
    day = await settled(place, [("ada", 5), ("bob", 6)])
    await day.pay()
    # The same sum, and one of ours is paid.
    push = (day.number, 0, [wallet("bob"), wallet("eve")], [6, 5])
    await bank.world.send("EpochPayout", "push", *push, sender=SIGNER, value=11)
    await bank.turn()
    assert await day.states() == {"failed"}


async def test_an_edition_of_somebody_else_is_not_ours(bank, place):
    day = await settled(place, [("ada", 5)])
    await paying.mint(place.database, day.id, day.number, wallet("ada"))
    await bank.world.send("Edition", "mint", day.number, wallet("eve"), URI, sender=SIGNER)
    await bank.turn()
    assert (await day.edition())["status"] == "failed"


async def test_a_day_that_is_not_settled_pays_nothing(place):
    with pytest.raises(Refused, match="epoch_unknown"):
        await pay_day(place)
    await settled(place, [])
    await place.owner.execute(
        "update public.epochs set result_cid = null, outcome = null, summary_uri = null"
    )
    with pytest.raises(Refused, match="epoch_not_settled"):
        await pay_day(place)


async def test_a_day_that_was_played_is_settled_and_paid_its_whole_pool(bank, place):
    await played(place)
    await bank.node.mine(40)
    await bank.read()
    assert await settle(place) == "settled"
    await place.work()
    await bank.turn()
    owed = await paid(place)
    assert sum(owed.values()) == POOL
    assert {who: await bank.node.balance(who) for who in owed} == owed
    edition = await place.owner.fetchrow("select * from public.epoch_editions")
    assert edition["recipient_address"] == max(owed, key=owed.get)
    uri = await bank.world.ask("Edition", "tokenURI", 20260302)
    assert (uri, edition["status"]) == (edition["metadata_uri"], "confirmed")


async def test_a_full_batch_of_the_worst_receivers_fits_into_a_transaction(bank):
    receiver = await bank.world.make(deployed.attacker("Receiver"))
    code = await bank.node.rpc("eth_getCode", receiver, "latest")
    await bank.node.fund(SIGNER, 2**100)
    gas = []
    for batch, count in enumerate((2, 12)):
        greedy = [wallet(f"greedy {batch} {number}") for number in range(count)]
        for who in greedy:
            await bank.node.rpc("anvil_setCode", who, code)
            await bank.node.rpc("anvil_setStorageAt", who, "0x0", f"0x{SPENDS_ALL_GAS:064x}")
        push = (20260302, batch, greedy, [2**90] * count)
        sent = await bank.world.send(
            "EpochPayout", "push", *push, sender=SIGNER, value=2**90 * count
        )
        assert await bank.world.ask("EpochPayout", "credit", greedy[0]) == 2**90
        gas.append(sent.gas)
    each = (gas[1] - gas[0]) // 10
    full = gas[0] + each * (RECEIVERS_MAX - 2)
    print(f"\n{each} gas for a receiver that spends all that it is given, {full} for a full batch")
    assert fees.limit(full) < TRANSACTION_GAS_MAX


async def test_the_operator_pays_by_a_command(place, capsys, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)
    assert "epoch_unknown" in await said(capsys, "epoch", "pay", "2026-03-02", code=3)
    assert "day_malformed" in await said(capsys, "epoch", "pay", "today", code=3)
    await settled(place, ODD[2:])
    waits = await said(capsys, "epoch", "pay", "2026-03-02")
    assert waits.splitlines() == [
        "0 of 3 payouts are confirmed.",
        "3 wait for EpochPayout, the contract, on a chain: see `agon chain status`.",
        "The edition is pending: It waits for Edition, the contract, on a chain.",
    ]
    async with paydays.bank(place) as bank:
        assert "3 are started; the worker sends them." in await said(
            capsys, "epoch", "pay", "2026-03-02"
        )
        await place.work()
        await bank.turn()
        paid = await said(capsys, "epoch", "pay", "2026-03-02")
    assert paid.splitlines() == ["3 of 3 payouts are confirmed.", "The edition is confirmed."]
