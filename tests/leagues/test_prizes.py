"""Prizes: what is shared adds up, unit by unit."""

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.kernel import results
from agon.kernel.errors import Refused
from agon.leagues import prizes

KINDS = {(prizes.KIND.name, prizes.KIND.version): prizes.KIND}


def config(total, *shares):
    """shares: (from, to, bps)."""
    return {
        "version": 1,
        "currency": "wei",
        "total": str(total),
        "shares": [{"from": first, "to": last, "bps": bps} for first, last, bps in shares],
    }


def placed(*ranges):
    """ranges: (from, to); entrants are a, b, c, ..."""
    found = []
    for first, last in ranges:
        for _ in range(first, last + 1):
            found.append({"entrant": f"e{len(found):03}", "from": first, "to": last})
    return found


def units(placements, rules):
    output = prizes.share(placements, rules)
    return [int(each["units"]) for each in output["prizes"]], int(output["unawarded"])


def test_places_have_their_shares():
    rules = config(1000, (1, 1, 5000), (2, 2, 3000), (3, 4, 2000))
    assert units(placed((1, 1), (2, 2), (3, 4), (5, 8)), rules) == ([500, 300, 100, 100], 0)


def test_those_who_share_a_range_have_equal_parts_of_what_its_places_have():
    rules = config(1000, (1, 1, 5000), (2, 2, 3000), (3, 3, 2000))
    # Places 2 to 5 have 3000 + 2000 together.
    assert units(placed((1, 1), (2, 5)), rules) == ([500, 125, 125, 125, 125], 0)


def test_units_that_cannot_be_split_go_to_the_largest_fractions_then_the_better_place():
    thirds = config(10, (1, 3, 10_000))
    assert units(placed((1, 1), (2, 2), (3, 3)), thirds) == ([4, 3, 3], 0)
    assert units(placed((1, 3)), thirds) == ([4, 3, 3], 0)
    assert units(placed((1, 1), (2, 2)), config(7, (1, 1, 5000), (2, 2, 5000))) == ([4, 3], 0)
    assert units(placed((1, 1), (2, 2)), config(9, (1, 1, 2500), (2, 2, 7500))) == ([2, 7], 0)


def test_what_belongs_to_places_that_nobody_has_is_not_awarded():
    rules = config(1000, (1, 1, 5000), (2, 2, 3000), (3, 3, 2000))
    assert units(placed((1, 1), (2, 2)), rules) == ([500, 300], 200)
    free = [{"entrant": "a", "from": 2, "to": 3}, {"entrant": "b", "from": 2, "to": 3}]
    assert units(free, rules) == ([250, 250], 500)
    assert units([], rules) == ([], 1000)


def test_wei_are_shared_exactly():
    total = 2**256 - 1
    given_units, left = units(placed((1, 1), (2, 2), (3, 5)), config(
        total, (1, 1, 3333), (2, 3, 3333), (4, 5, 3334)))  # fmt: skip
    assert sum(given_units) + left == total
    assert left == 0


RANGES = st.lists(st.integers(1, 5), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(RANGES, st.lists(st.tuples(st.integers(1, 4), st.integers(0, 100)), min_size=1, max_size=8)
       .filter(lambda drawn: any(weight for _, weight in drawn)),
       st.integers(0, 10**24), st.booleans())  # fmt: skip
def test_prizes_and_what_is_left_add_up_to_the_total(sizes, shares, total, vacant):
    whole = sum(weight for _, weight in shares)
    bps = [weight * 10_000 // whole for _, weight in shares]
    bps[0] += 10_000 - sum(bps)
    rows, first = [], 1
    for (width, _), part in zip(shares, bps, strict=True):
        rows.append((first, first + width - 1, part))
        first += width
    ranges, place = [], 2 if vacant else 1
    for size in sizes:
        ranges.append((place, place + size - 1))
        place += size
    rules = config(total, *rows)
    output = prizes.share(placed(*ranges), rules)
    given_units = [int(each["units"]) for each in output["prizes"]]
    assert sum(given_units) + int(output["unawarded"]) == total
    for each in ranges:
        equal = [int(one["units"]) for one in output["prizes"] if one["from"] == each[0]]
        assert not equal or max(equal) - min(equal) <= 1
    assert prizes.share(placed(*ranges)[::-1], rules) == output


def test_a_bundle_is_verified_by_anyone():
    bundle = prizes.bundle(placed((1, 1), (2, 2)), "bafy", config(3, (1, 2, 10_000)))
    assert results.verify(bundle.data, KINDS, bundle.cid).ok
    document = json.loads(bundle.data)
    document["output"]["prizes"][0]["units"] = "3"
    forged = results.verify(results.canonical(document), KINDS)
    assert [each.pointer for each in forged.differences] == ["/prizes/0/units"]


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(prizes.schema())


@pytest.mark.parametrize(("rules", "place"), [
    (None, "/"),
    (config(5, (1, 1, 10_000)) | {"note": 1}, "/"),
    (config("1e3", (1, 1, 10_000)), "/total"),
    (config(-1, (1, 1, 10_000)), "/total"),
    (config(2**256, (1, 1, 10_000)), "/total"),
    (config(5, (1, 1, 9_999)), "/shares"),
    (config(5, (2, 2, 10_000)), "/shares/0"),
    (config(5, (1, 2, 5_000), (2, 3, 5_000)), "/shares/1"),
    (config(5, (1, 1, 5_000), (3, 2, 5_000)), "/shares/1"),
    (config(5), "/shares"),
])  # fmt: skip
def test_each_mistake_comes_with_its_place(rules, place):
    with pytest.raises(Refused) as refused:
        prizes.check(rules)
    assert refused.value.refusal.code == "prizes_malformed"
    assert refused.value.refusal.details.split(":")[0] == place


@pytest.mark.parametrize("placements", [
    placed((1, 2))[:1],
    [{"entrant": "a", "from": 1, "to": 1}, {"entrant": "a", "from": 2, "to": 2}],
    [*placed((1, 2)), {"entrant": "x", "from": 2, "to": 2}],
    [{"entrant": "a", "from": 1, "to": 2}, {"entrant": "b", "from": 1, "to": 1}],
])  # fmt: skip
def test_what_are_no_placements_is_refused(placements):
    with pytest.raises(Refused) as refused:
        prizes.share(placements, config(5, (1, 1, 10_000)))
    assert refused.value.refusal.code == "placements_malformed"
