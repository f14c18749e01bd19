"""Other people's accounts: what somebody who begins something with an address does not get."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import pytest

from tests.auth.test_codes import path_of
from tests.auth.test_flows import PKCE, at_github, fragment_of, through
from tests.auth.visitors import (
    ANOTHER,
    PASSWORD,
    bearer,
    confirmed,
    mail,
    mails,
    refused,
    service,
    signed_up,
)

ADA = "ada@example.org"
EVE = "eve@example.org"
THEIRS = "five herons by a green gate"


async def signed_in(gate, password, email=ADA):
    body = {"email": email, "password": password}
    return await gate.post("/token?grant_type=password", json=body)


async def answered(gate, strict, kind="signup", email=ADA):
    """The newest mail to an address, answered with its code."""
    code = (await mail(strict, email)).code
    return await gate.post("/verify", json={"type": kind, "email": email, "token": code})


async def signed_up_with(gate, password, email=ADA, **more):
    answer = await gate.post("/signup", json={"email": email, "password": password, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestOpenSignUps:
    async def test_the_mail_of_one_sign_up_brings_its_password(self, gate, strict):
        await signed_up_with(gate, PASSWORD, data={"name": "Ada"})
        user = (await answered(gate, strict)).json()["user"]
        assert user["user_metadata"] == {"name": "Ada"}
        assert (await signed_in(gate, PASSWORD)).status_code == 200

    async def test_the_same_sign_up_twice_is_one(self, gate, strict):
        await signed_up_with(gate, PASSWORD, data={"name": "Ada"})
        await signed_up_with(gate, PASSWORD, data={"name": "Ada L."})
        user = (await answered(gate, strict)).json()["user"]
        assert user["user_metadata"] == {"name": "Ada L."}
        assert (await signed_in(gate, PASSWORD)).status_code == 200

    async def test_only_the_newest_mail_holds(self, gate, strict):
        for _ in range(2):
            await signed_up_with(gate, PASSWORD)
        first, second = await mails(strict, ADA)
        former = {"type": "signup", "token_hash": first.token}
        refused(await gate.post("/verify", json=former), 403, "otp_expired")
        newest = {"type": "signup", "token_hash": second.token}
        assert (await gate.post("/verify", json=newest)).status_code == 200

    @pytest.mark.parametrize("order", [(PASSWORD, THEIRS), (THEIRS, PASSWORD)])
    async def test_of_two_that_differ_neither_password_holds(self, gate, strict, order):
        for password in order:
            await signed_up_with(gate, password, data={"of": password})
        session = (await answered(gate, strict)).json()
        assert session["user"]["user_metadata"] == {}
        for password in order:
            refused(await signed_in(gate, password), 400, "invalid_credentials")
        answer = await gate.put("/user", json={"password": ANOTHER}, headers=bearer(session))
        assert answer.status_code == 200
        assert (await signed_in(gate, ANOTHER)).status_code == 200

    async def test_a_third_does_not_settle_what_two_dispute(self, gate, strict):
        for password in (THEIRS, PASSWORD, THEIRS, THEIRS):
            await signed_up_with(gate, password)
        await answered(gate, strict)
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")

    async def test_a_dispute_does_not_end_by_waiting(self, gate, strict):
        await signed_up_with(gate, PASSWORD)
        await strict.set_clock(datetime.now(UTC) + timedelta(days=2))
        await signed_up_with(gate, THEIRS)
        assert (await answered(gate, strict)).status_code == 200
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")

    async def test_of_many_at_once_none_slips_through(self, gate, strict):
        passwords = [f"{number} {THEIRS}" for number in range(4)]
        await asyncio.gather(*(signed_up_with(gate, password) for password in passwords))
        assert await strict.owner.fetchval("select count(*) from auth.users") == 1
        assert (await answered(gate, strict)).status_code == 200
        for password in passwords:
            refused(await signed_in(gate, password), 400, "invalid_credentials")

    async def test_nobody_signs_in_before_the_proof(self, gate, strict):
        await signed_up_with(gate, PASSWORD)
        refused(await signed_in(gate, PASSWORD), 400, "email_not_confirmed")
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")

    @pytest.mark.parametrize("path", ["/otp", "/magiclink"])
    async def test_who_asks_for_a_code_gets_no_strangers_password(self, gate, strict, path):
        await signed_up_with(gate, THEIRS, data={"of": "theirs"})
        await gate.post(path, json={"email": ADA})
        user = (await answered(gate, strict, "email")).json()["user"]
        assert user["user_metadata"] == {}
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")

    async def test_a_mail_sent_again_brings_no_password_back(self, gate, strict):
        await signed_up_with(gate, THEIRS)
        await gate.post("/otp", json={"email": ADA})
        await gate.post("/resend", json={"type": "signup", "email": ADA})
        assert (await answered(gate, strict)).status_code == 200
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")

    async def test_a_sign_up_after_a_code_was_asked_for_brings_none_either(self, gate, strict):
        await gate.post("/otp", json={"email": ADA})
        await signed_up_with(gate, THEIRS)
        assert (await answered(gate, strict)).status_code == 200
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")

    async def test_a_recovery_brings_none_either(self, gate, strict):
        await signed_up_with(gate, THEIRS)
        await gate.post("/recover", json={"email": ADA})
        assert (await answered(gate, strict, "recovery")).status_code == 200
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")


class TestUsersOfTheService:
    async def test_an_invitation_stays_the_invited_ones(self, gate, strict):
        body = {"email": ADA, "data": {"team": "red"}}
        invited = (await gate.post("/invite", json=body, headers=service(strict))).json()
        await strict.owner.execute(
            "insert into public.user_roles (user_id, role) values ($1::text::uuid, 'admin')",
            invited["id"],
        )
        sent = await mails(strict, ADA)
        shown = await signed_up_with(gate, THEIRS)
        assert shown["id"] != invited["id"]
        assert "invited_at" not in shown
        assert await mails(strict, ADA) == sent
        accepted = (await answered(gate, strict, "invite")).json()
        assert accepted["user"]["id"] == invited["id"]
        assert accepted["user"]["user_metadata"] == {"team": "red"}
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")

    async def test_who_signed_up_before_the_invitation_has_no_password_after_it(self, gate, strict):
        await signed_up_with(gate, THEIRS, data={"of": "theirs"})
        body = {"email": ADA, "data": {"team": "red"}}
        await gate.post("/invite", json=body, headers=service(strict))
        accepted = (await answered(gate, strict, "invite")).json()
        assert accepted["user"]["user_metadata"] == {"team": "red"}
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")

    async def test_an_unconfirmed_user_is_not_the_next_strangers(self, door, place):
        body = {"email": ADA, "app_metadata": {"plan": "gold"}}
        await door.post("/admin/users", json=body, headers=service(place))
        answer = await door.post("/signup", json={"email": ADA, "password": THEIRS})
        refused(answer, 422, "user_already_exists")
        refused(await signed_in(door, THEIRS), 400, "invalid_credentials")

    async def test_the_password_that_the_service_set_outlives_the_proof(self, gate, strict):
        body = {"email": ADA, "password": PASSWORD}
        await gate.post("/admin/users", json=body, headers=service(strict))
        await signed_up_with(gate, THEIRS)
        await gate.post("/resend", json={"type": "signup", "email": ADA})
        assert (await answered(gate, strict)).status_code == 200
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")
        assert (await signed_in(gate, PASSWORD)).status_code == 200

    async def test_who_has_been_given_a_role_is_not_signed_up_again(self, gate, strict):
        user = await signed_up_with(gate, PASSWORD)
        await strict.owner.execute(
            "insert into public.user_roles (user_id, role) values ($1::text::uuid, 'admin')",
            user["id"],
        )
        sent = await mails(strict, ADA)
        assert (await signed_up_with(gate, THEIRS))["id"] != user["id"]
        assert await mails(strict, ADA) == sent


class TestChangesOfAddress:
    """Both addresses agree, within an hour, and nothing else stands for an agreement."""

    async def begun(self, gate, strict):
        session = await confirmed(gate, strict, ADA)
        answer = await gate.put("/user", json={"email": EVE}, headers=bearer(session))
        assert answer.json()["new_email"] == EVE
        return session

    async def address(self, strict):
        return await strict.owner.fetchval(
            "select email from auth.users order by created_at limit 1"
        )

    @pytest.mark.parametrize(("first", "second"), [(EVE, ADA), (ADA, EVE)])
    async def test_it_takes_both_in_either_order(self, gate, strict, first, second):
        await self.begun(gate, strict)
        half = await answered(gate, strict, "email_change", first)
        assert "access_token" not in half.json()
        assert await self.address(strict) == ADA
        whole = await answered(gate, strict, "email_change", second)
        assert whole.json()["user"]["email"] == EVE
        (identity,) = whole.json()["user"]["identities"]
        assert identity["identity_data"]["email_verified"] is True

    async def test_the_half_that_was_mailed_again_does_not_outlive_the_other(self, gate, strict):
        await self.begun(gate, strict)
        await strict.set_clock(datetime.now(UTC) + timedelta(minutes=59))
        await gate.post("/resend", json={"type": "email_change", "email": EVE})
        await strict.set_clock(datetime.now(UTC) + timedelta(minutes=62))
        for number in range(3):  # what is past is swept
            await gate.post("/otp", json={"email": f"passer{number}@example.org"})
        refused(await answered(gate, strict, "email_change", EVE), 403, "otp_expired")
        assert await self.address(strict) == ADA

    async def test_a_half_that_is_gone_is_not_an_answered_one(self, gate, strict):
        await self.begun(gate, strict)
        await strict.owner.execute(
            "delete from agon.one_time_tokens where kind = 'email_change_current'"
        )
        half = await answered(gate, strict, "email_change", EVE)
        assert "access_token" not in half.json()
        assert await self.address(strict) == ADA

    async def test_either_half_is_mailed_again_while_it_waits(self, gate, strict):
        await self.begun(gate, strict)
        for email in (EVE, ADA):
            sent = len(await mails(strict, email))
            await gate.post("/resend", json={"type": "email_change", "email": email})
            assert len(await mails(strict, email)) == sent + 1
            await answered(gate, strict, "email_change", email)
        assert await self.address(strict) == EVE
        sent = len(await mails(strict, EVE))
        await gate.post("/resend", json={"type": "email_change", "email": EVE})
        assert len(await mails(strict, EVE)) == sent

    async def test_another_change_begins_with_nothing_proved(self, gate, strict):
        session = await self.begun(gate, strict)
        await answered(gate, strict, "email_change", ADA)
        await gate.put("/user", json={"email": "mallory@example.org"}, headers=bearer(session))
        await answered(gate, strict, "email_change", "mallory@example.org")
        assert await self.address(strict) == ADA

    @pytest.mark.parametrize("kind", ["email_change_current", "email_change_new"])
    async def test_one_link_of_the_service_is_one_half(self, gate, strict, kind):
        await confirmed(gate, strict, ADA)
        body = {"type": kind, "email": ADA, "new_email": EVE}
        made = await gate.post("/admin/generate_link", json=body, headers=service(strict))
        half = await gate.post(
            "/verify", json={"type": "email_change", "token_hash": made.json()["hashed_token"]}
        )
        assert half.status_code == 200
        assert "access_token" not in half.json()
        assert await self.address(strict) == ADA

    async def test_two_links_of_the_service_are_the_whole(self, gate, strict):
        await confirmed(gate, strict, ADA)
        for kind in ("email_change_current", "email_change_new"):
            body = {"type": kind, "email": ADA, "new_email": EVE}
            made = await gate.post("/admin/generate_link", json=body, headers=service(strict))
            body = {"type": "email_change", "token_hash": made.json()["hashed_token"]}
            assert (await gate.post("/verify", json=body)).status_code == 200
        assert await self.address(strict) == EVE

    async def test_a_first_address_ends_what_came_before_its_proof(self, gate, strict):
        nameless = (await gate.post("/signup", json={})).json()
        body = {"email": ADA, "password": THEIRS}
        assert (await gate.put("/user", json=body, headers=bearer(nameless))).status_code == 200
        said = (await mail(strict, ADA)).text
        assert "Somebody wants to add your address" in said
        owner = (await answered(gate, strict, "email_change")).json()
        assert owner["user"]["email"] == ADA
        refused(await signed_in(gate, THEIRS), 400, "invalid_credentials")
        refused(await gate.get("/user", headers=bearer(nameless)), 403, "session_not_found")
        token = {"refresh_token": nameless["refresh_token"]}
        answer = await gate.post("/token?grant_type=refresh_token", json=token)
        refused(answer, 400, "refresh_token_not_found")
        assert (await gate.get("/user", headers=bearer(owner))).status_code == 200


class TestDoorsThatClose:
    """A new password, an end of all sessions, a ban: what was begun before does not go on."""

    async def pending(self, gate, strict):
        """Somebody with a code and a change of address under way: the session, and the code."""
        session = await confirmed(gate, strict, ADA)
        await gate.post("/otp", json={"email": ADA})
        code = (await mail(strict, ADA)).code
        await gate.put("/user", json={"email": EVE}, headers=bearer(session))
        return session, code

    async def nothing_pends(self, gate, strict, code):
        body = {"type": "email", "email": ADA, "token": code}
        refused(await gate.post("/verify", json=body), 403, "otp_expired")
        refused(await answered(gate, strict, "email_change", EVE), 403, "otp_expired")
        assert await strict.owner.fetchval("select count(*) from agon.email_changes") == 0

    async def test_a_new_password_ends_what_is_pending(self, gate, strict):
        session, code = await self.pending(gate, strict)
        body = {"password": ANOTHER}
        user = (await gate.put("/user", json=body, headers=bearer(session))).json()
        assert "new_email" not in user
        await self.nothing_pends(gate, strict, code)

    async def test_the_end_of_all_sessions_ends_what_is_pending(self, gate, strict):
        session, code = await self.pending(gate, strict)
        await gate.post("/logout?scope=global", headers=bearer(session))
        await self.nothing_pends(gate, strict, code)

    @pytest.mark.parametrize("scope", ["local", "others"])
    async def test_the_end_of_some_sessions_leaves_codes(self, gate, strict, scope):
        session, code = await self.pending(gate, strict)
        await gate.post(f"/logout?scope={scope}", headers=bearer(session))
        body = {"type": "email", "email": ADA, "token": code}
        assert (await gate.post("/verify", json=body)).status_code == 200

    async def test_a_ban_ends_what_is_pending(self, gate, strict):
        session, code = await self.pending(gate, strict)
        path = f"/admin/users/{session['user']['id']}"
        for ban in ("1h", "none"):
            await gate.put(path, json={"ban_duration": ban}, headers=service(strict))
        await self.nothing_pends(gate, strict, code)

    async def test_a_change_of_address_and_password_at_once_goes_on(self, gate, strict):
        session = await confirmed(gate, strict, ADA)
        body = {"email": EVE, "password": ANOTHER}
        user = (await gate.put("/user", json=body, headers=bearer(session))).json()
        assert user["new_email"] == EVE
        for email in (EVE, ADA):
            assert (await answered(gate, strict, "email_change", email)).status_code == 200
        assert (await signed_in(gate, ANOTHER, EVE)).status_code == 200


async def test_who_was_signed_up_without_a_proof_keeps_the_password(door):
    await signed_up(door)
    assert (await signed_in(door, PASSWORD)).status_code == 200
    await door.post("/otp", json={"email": ADA})
    assert (await signed_in(door, PASSWORD)).status_code == 200


CLOSING = {
    "a new password": ("PUT", "/user", {"password": ANOTHER}),
    "the end of all sessions": ("POST", "/logout?scope=global", None),
    "the end of this session": ("POST", "/logout?scope=local", None),
}


@pytest.mark.parametrize("how", CLOSING)
async def test_an_identity_is_not_linked_behind_a_closed_door(server, tmp_path, how):
    method, path, body = CLOSING[how]
    name = f"agon_auth_behind_{list(CLOSING).index(how)}"
    async with at_github(server, tmp_path, name) as (place, door, _):
        session = await signed_up(door)
        query = urlencode({"provider": "github", "skip_http_redirect": "true", **PKCE})
        leaving = await door.get(f"/user/identities/authorize?{query}", headers=bearer(session))
        answer = await door.request(method, path, json=body, headers=bearer(session))
        assert answer.status_code in (200, 204)
        async with httpx.AsyncClient() as browser:
            back = (await browser.get(leaving.json()["url"])).headers["location"]
        assert fragment_of(await door.get(path_of(back)))["error_code"] == "bad_oauth_state"
        linked = await place.owner.fetch("select provider from agon.identities")
        assert [row["provider"] for row in linked] == ["email"]


KELVIN = "\u212aay@example.org"
"""In lower case it would be kay@example.org."""


async def test_an_address_of_other_signs_is_not_its_lookalike(server, tmp_path):
    emails = ({"email": KELVIN, "verified": True, "primary": True, "visibility": None},)
    async with at_github(server, tmp_path, "agon_auth_kelvin", emails=emails) as (place, door, _):
        await door.post("/otp", json={"email": "kay@example.org"})
        kay = (await answered(door, place, "email", "kay@example.org")).json()["user"]
        session = fragment_of(await through(door))
        user = (await door.get("/user", headers=bearer(session))).json()
        assert user["id"] != kay["id"]
        assert user["email"] == ""


async def test_no_lookalike_stands_in_the_database(place):
    with pytest.raises(Exception, match="users_email_is_ascii"):
        await place.owner.execute(
            "insert into auth.users (email) values ($1)", KELVIN.lower() + "é"
        )
