"""Batches of payouts: each recipient once, no wei lost, the same however they are told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agon.epochs.payouts import RECEIVERS_MAX, batches
from tests.epochs.logs import wallet

DUE = st.lists(st.tuples(st.integers(0, 30).map(wallet), st.integers(1, 2**200)), max_size=60)


def sizes(count: int, receivers_max: int = RECEIVERS_MAX) -> list[int]:
    due = [(wallet(number), 7) for number in range(count)]
    return [len(batch.recipients) for batch in batches(due, receivers_max)]


def test_a_batch_is_full_before_the_next_begins():
    full = RECEIVERS_MAX
    assert sizes(0) == []
    assert sizes(1) == [1]
    assert sizes(full) == [full]
    assert sizes(full + 1) == [full, 1]
    assert sizes(2 * full + 1) == [full, full, 1]
    assert sizes(500, 500) == [500]
    assert sizes(501, 500) == [500, 1]


def test_the_largest_come_first_and_equal_ones_by_address():
    due = [(wallet(3), 5), (wallet(2), 5), (wallet(1), 4), (wallet(9), 2**200)]
    first, second = batches(due, 2)
    assert (first.number, first.recipients, first.wei) == (
        0, (wallet(9), wallet(2)), (2**200, 5),
    )  # fmt: skip
    assert (second.number, second.recipients, second.wei) == (1, (wallet(3), wallet(1)), (5, 4))


def test_an_owner_of_several_bots_is_paid_once():
    (batch,) = batches([(wallet(1), 5), (wallet(2), 6), (wallet(1), 7)])
    assert (batch.recipients, batch.wei) == ((wallet(1), wallet(2)), (12, 6))


@given(DUE, st.randoms(), st.integers(1, 8))
def test_every_wei_is_in_one_batch_in_any_order_of_payouts(due, chance, receivers_max):
    made = batches(due, receivers_max)
    shuffled = chance.sample(due, len(due))
    assert batches(shuffled, receivers_max) == made
    paid = [pair for b in made for pair in zip(b.recipients, b.wei, strict=True)]
    owed = {who: sum(wei for one, wei in due if one == who) for who, _ in due}
    assert len(paid) == len(owed) and dict(paid) == owed
    assert [b.number for b in made] == list(range(len(made)))
    assert all(len(b.recipients) <= receivers_max for b in made)
