"""Teams: made by members, joined by own consent, locked while they play."""

from __future__ import annotations

from uuid import UUID

import pytest

from agon.leagues import teams
from tests.leagues import contests
from tests.leagues.contests import key_actor, refused
from tests.organisations.walks import acme, found
from tests.places import wallet

TEAMS = {"entrants": "teams"}


class Club:
    """Acme's teams, as somebody acts on them."""

    def __init__(self, place):
        self.place = place

    async def as_(self, who, act, *given):
        actor = self.place.actor(who) if isinstance(who, str) else who
        async with self.place.database.as_caller(actor) as conn:
            return await act(conn, *given)

    async def team(self, who="mia", name="Reds", **draft):
        return await self.as_(who, teams.create, "acme", {"name": name, **draft})

    async def join(self, team, name, captain="mia"):
        invited = await self.as_(captain, teams.invite, UUID(team["id"]), wallet(name), None)
        return await self.as_(name, teams.accept, UUID(invited["id"]))


@pytest.fixture
async def club(place):
    await acme(place)
    for name in ("p1", "p2", "p3"):
        await place.own(name)
    return Club(place)


def roster(team) -> dict[str, str]:
    return {each["wallet"]: each["role"] for each in team["roster"]}


async def test_a_member_makes_a_team_and_is_its_captain(club):
    team = await club.team(tag="RED")
    assert roster(team) == {wallet("mia"): "captain"}
    assert await refused(club.team(name="reds")) == "team_name_taken"
    assert await refused(club.team("eve", name="Blues")) == "not_org_member"
    assert await refused(club.team(name="Blues", captain=wallet("p1"))) == "not_org_admin"
    named = await club.team("abe", name="Blues", captain=wallet("p1"))
    assert roster(named) == {}
    (invited,) = await club.as_("p1", teams.invitations)
    assert invited["role"] == "captain"
    assert roster(await club.as_("p1", teams.accept, UUID(invited["id"]))) == {
        wallet("p1"): "captain"
    }
    key = await key_actor(club.place, "teams:write")
    assert roster(await club.team(key, name="Greens")) == {}
    assert await refused(club.team(await key_actor(club.place, "org:read"), name="X")) == (
        "scope_missing"
    )
    changed = await club.as_("mia", teams.update, UUID(team["id"]), {"tag": "R"})
    assert (changed["name"], changed["tag"]) == ("Reds", "R")
    assert await refused(club.as_("p1", teams.update, UUID(team["id"]), {"tag": "X"})) == (
        "not_org_admin"
    )
    listed = await club.as_("eve", teams.listed, "acme")
    assert [each["name"] for each in listed] == ["Blues", "Greens", "Reds"]


async def test_a_wallet_joins_by_its_own_consent(club):
    team = await club.team()
    number = UUID(team["id"])
    invited = await club.as_("mia", teams.invite, number, wallet("p1"), None)
    assert await club.as_("mia", teams.invite, number, wallet("p1"), None) == invited
    assert await refused(club.as_("p2", teams.invite, number, wallet("p2"), None)) == (
        "not_org_admin"
    )
    assert await refused(club.as_("mia", teams.invite, number, wallet("p2"), "captain")) == (
        "not_org_admin"
    )
    assert await refused(club.as_("p2", teams.accept, UUID(invited["id"]))) == "not_your_wallet"
    assert await club.as_("p2", teams.invitations, number) == []
    assert len(await club.as_("mia", teams.invitations, number)) == 1
    joined = await club.as_("p1", teams.accept, UUID(invited["id"]))
    assert roster(joined) == {wallet("mia"): "captain", wallet("p1"): "player"}
    assert await club.as_("p1", teams.accept, UUID(invited["id"])) == joined
    assert await refused(club.as_("p1", teams.decline, UUID(invited["id"]))) == "invitation_ended"
    assert await refused(club.as_("mia", teams.invite, number, wallet("p1"), None)) == (
        "plays_already"
    )
    second = await club.as_("mia", teams.invite, number, wallet("p2"), None)
    assert (await club.as_("mia", teams.withdraw, UUID(second["id"])))["status"] == "withdrawn"
    assert await refused(club.as_("p2", teams.accept, UUID(second["id"]))) == "invitation_ended"
    assert await refused(club.as_("mia", teams.remove, number, wallet("mia"))) == "captain_stays"
    assert await refused(club.as_("p1", teams.make_captain, number, wallet("p1"))) == (
        "not_org_admin"
    )
    assert await refused(club.as_("mia", teams.make_captain, number, wallet("p3"))) == (
        "player_unknown"
    )
    moved = await club.as_("mia", teams.make_captain, number, wallet("p1"))
    assert roster(moved) == {wallet("mia"): "player", wallet("p1"): "captain"}
    assert await club.as_("mia", teams.remove, number, wallet("mia"))
    assert not await club.as_("p1", teams.remove, number, wallet("mia"))


async def test_a_roster_is_locked_and_kept_when_the_competition_starts(club):
    reds, blues = await club.team(), await club.team("abe", name="Blues")
    await club.join(reds, "p1")
    await club.join(blues, "p2", "abe")
    await club.join(blues, "p1", "abe")  # on two rosters
    contest = await contests.opened(club.place, settings={**TEAMS, **contests.AT_ONCE})
    assert await refused(contest.register("mia")) == "entrant_kind"
    assert await refused(contest.register("p1", team_id=reds["id"])) == "not_your_participant"
    await contest.register("mia", team_id=reds["id"])
    await contest.register("abe", team_id=blues["id"])
    await contest.start()
    rows = await contest.rows("competition_registrations", "team_id")
    # Who is on two plays for the one that registered first.
    assert set(rows[reds["id"]]["roster"]) == {wallet("mia"), wallet("p1")}
    assert set(rows[blues["id"]]["roster"]) == {wallet("abe"), wallet("p2")}
    number = UUID(reds["id"])
    assert await refused(club.as_("p1", teams.remove, number, wallet("p1"))) == "roster_locked"
    invited = await club.as_("mia", teams.invite, number, wallet("p3"), None)
    assert await refused(club.as_("p3", teams.accept, UUID(invited["id"]))) == "roster_locked"
    # The captain speaks for the team, also a new one.
    await club.as_("mia", teams.make_captain, number, wallet("p1"))
    assert await refused(contest.report("mia", "w.1.1", (1, 0))) == "not_your_participant"
    assert (await contest.report("p1", "w.1.1", (1, 0)))["reported_by"] == reds["id"]
    assert (await contest.confirm("abe", "w.1.1"))["winner"] == reds["id"]
    await contest.hold()
    assert (await contest.complete())["status"] == "completed"
    assert await club.as_("mia", teams.remove, number, wallet("mia"))


async def test_a_team_plays_for_its_own_organisation(club):
    await found(club.place, "other", "bob")
    theirs = await club.as_("bob", teams.create, "other", {"name": "Reds"})
    contest = await contests.opened(club.place, settings=TEAMS)
    assert await refused(contest.register("bob", team_id=theirs["id"])) == "team_of_another"
    unknown = "00000000-0000-4000-8000-000000000000"
    assert await refused(contest.register("bob", team_id=unknown)) == "not_your_participant"
