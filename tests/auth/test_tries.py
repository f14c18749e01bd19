"""How often somebody may try: by whom, from where, and that nobody is locked out by strangers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.auth.doors import opened
from tests.auth.visitors import PASSWORD, bearer, confirmed, mail, mails, refused, signed_up

ADA = "ada@example.org"
HOME, AWAY, STRANGER = "203.0.113.1", "203.0.113.2", "198.51.100.7"
STRICT = {"AGON_AUTH_AUTOCONFIRM": "off", "AGON_AUTH_MAIL_EVERY_SECONDS": "0"}


async def sign_in(door, password=PASSWORD, email=ADA):
    return await door.post(
        "/token?grant_type=password", json={"email": email, "password": password}
    )


async def test_a_stranger_locks_nobody_out(server, tmp_path):
    few = {"AGON_AUTH_FAILURES_PER_EMAIL": "3"}
    async with opened(server, tmp_path, "agon_tries_apart", **few) as there:
        await signed_up(there.visitor(HOME), ADA)
        stranger = there.visitor(STRANGER)
        for _ in range(3):
            refused(await sign_in(stranger, "wrong"), 400, "invalid_credentials")
        refused(await sign_in(stranger), 429, "over_request_rate_limit")
        assert (await sign_in(there.visitor(HOME))).status_code == 200
        assert (await sign_in(there.visitor(AWAY))).status_code == 200
        refused(await sign_in(stranger), 429, "over_request_rate_limit")


async def test_many_strangers_slow_new_places_and_never_known_ones(server, tmp_path):
    few = {"AGON_AUTH_FAILURES_PER_EMAIL_EVERYWHERE": "4"}
    async with opened(server, tmp_path, "agon_tries_many", **few) as there:
        await signed_up(there.visitor(HOME), ADA)
        for number in range(4):
            answer = await sign_in(there.visitor(f"198.51.100.{number}"), "wrong")
            refused(answer, 400, "invalid_credentials")
        late = await sign_in(there.visitor(AWAY))
        refused(late, 429, "over_request_rate_limit")
        assert int(late.headers["Retry-After"]) > 60
        assert (await sign_in(there.visitor(HOME))).status_code == 200
        refused(await sign_in(there.visitor(AWAY)), 429, "over_request_rate_limit")
        await there.place.set_clock(datetime.now(UTC) + timedelta(hours=2))
        assert (await sign_in(there.visitor(AWAY))).status_code == 200


async def test_a_known_network_is_limited_as_any_other(server, tmp_path):
    few = {"AGON_AUTH_FAILURES_PER_EMAIL": "2"}
    async with opened(server, tmp_path, "agon_tries_home", **few) as there:
        home = there.visitor(HOME)
        await signed_up(home, ADA)
        for _ in range(2):
            refused(await sign_in(home, "wrong"), 400, "invalid_credentials")
        refused(await sign_in(home), 429, "over_request_rate_limit")


async def test_refused_tries_of_one_network_do_not_count_for_all(server, tmp_path):
    few = {"AGON_AUTH_FAILURES_PER_EMAIL": "2", "AGON_AUTH_FAILURES_PER_EMAIL_EVERYWHERE": "4"}
    async with opened(server, tmp_path, "agon_tries_kept", **few) as there:
        await signed_up(there.visitor(HOME), ADA)
        for _ in range(9):
            await sign_in(there.visitor(STRANGER), "wrong")
        assert (await sign_in(there.visitor(AWAY))).status_code == 200


async def test_right_passwords_are_no_failures(server, tmp_path):
    few = {"AGON_AUTH_FAILURES_PER_EMAIL": "2", "AGON_AUTH_FAILURES_PER_EMAIL_EVERYWHERE": "2",
           "AGON_AUTH_FAILURES_PER_ADDRESS": "2"}  # fmt: skip
    async with opened(server, tmp_path, "agon_tries_right", **few) as there:
        await signed_up(there.visitor(HOME), ADA)
        for _ in range(4):
            assert (await sign_in(there.visitor(AWAY))).status_code == 200


async def test_known_networks_of_a_user_are_bounded(server, tmp_path):
    async with opened(server, tmp_path, "agon_tries_places") as there:
        await signed_up(there.visitor(HOME), ADA)
        user_id = await there.place.owner.fetchval("select id from auth.users")
        await there.place.owner.execute(
            """
            insert into agon.known_networks
            select $1, 'network ' || n, now() - make_interval(days => n)
            from generate_series(1, 40) n
            """,
            user_id,
        )
        await sign_in(there.visitor(AWAY))
        rows = await there.place.owner.fetch("select network from agon.known_networks")
        known = {row["network"] for row in rows}
        assert len(known) == 32
        assert {HOME, AWAY, "network 1"} < known
        assert "network 40" not in known


@pytest.mark.parametrize("path", ["/signup", "/token?grant_type=password"])
async def test_a_network_of_ipv6_counts_as_one(server, tmp_path, path):
    few = {"AGON_AUTH_SIGN_UPS_PER_HOUR": "1", "AGON_AUTH_FAILURES_PER_ADDRESS": "1"}
    name = "agon_tries_six_" + path[1:5]
    async with opened(server, tmp_path, name, **few) as there:
        bodies = [{}, {}] if path == "/signup" else [
            {"email": f"{number}@example.org", "password": "wrong"} for number in range(2)
        ]  # fmt: skip
        first = await there.visitor("2001:db8:0:1::1").post(path, json=bodies[0])
        assert first.status_code in (200, 400)
        beside = await there.visitor("2001:db8:0:1:ffff::2").post(path, json=bodies[1])
        refused(beside, 429, "over_request_rate_limit")
        elsewhere = await there.visitor("2001:db8:0:2::1").post(path, json=bodies[1])
        assert elsewhere.status_code == first.status_code


async def test_codes_are_counted_by_network(server, tmp_path):
    few = {"AGON_AUTH_FAILURES_PER_ADDRESS": "1"}
    async with opened(server, tmp_path, "agon_tries_codes", **few) as there:
        body = {"type": "email", "email": ADA, "token": "000000"}
        first = await there.visitor("2001:db8::1").post("/verify", json=body)
        refused(first, 403, "otp_expired")
        beside = await there.visitor("2001:db8::2").post("/verify", json=body)
        refused(beside, 429, "over_request_rate_limit")


async def test_the_log_keeps_the_whole_address(server, tmp_path):
    async with opened(server, tmp_path, "agon_tries_log") as there:
        await signed_up(there.visitor("2001:db8::7"), ADA)
        rows = await there.place.owner.fetch("select distinct address from agon.security_events")
        assert [row["address"] for row in rows] == ["2001:db8::7"]


async def guess(door, place, rounds):
    """So many codes asked for, each guessed wrong until it is used up."""
    for _ in range(rounds):
        assert (await door.post("/otp", json={"email": ADA})).status_code == 200
        true = (await mail(place, ADA)).code
        wrong = "000000" if true != "000000" else "111111"
        body = {"type": "email", "email": ADA, "token": wrong}
        for _ in range(5):
            refused(await door.post("/verify", json=body), 403, "otp_expired")


async def test_codes_renewed_at_will_are_not_guessed_in_the_end(server, tmp_path):
    free = {**STRICT, "AGON_AUTH_FAILURES_PER_ADDRESS": "0"}
    async with opened(server, tmp_path, "agon_tries_guess", **free) as there:
        door = there.visitor()
        await confirmed(door, there.place, ADA)
        await guess(door, there.place, 4)
        await door.post("/otp", json={"email": ADA})
        newest = await mail(there.place, ADA)
        body = {"type": "email", "email": ADA, "token": newest.code}
        refused(await door.post("/verify", json=body), 403, "otp_expired")
        by_link = {"type": "email", "token_hash": newest.token}
        answer = await door.post("/verify", json=by_link)
        assert answer.status_code == 200, "links work on"
        await there.place.set_clock(datetime.now(UTC) + timedelta(hours=25))
        await door.post("/otp", json={"email": ADA})
        body["token"] = (await mail(there.place, ADA)).code
        assert (await door.post("/verify", json=body)).status_code == 200


async def test_wrong_codes_for_nobody_count_for_nobody(server, tmp_path):
    free = {**STRICT, "AGON_AUTH_FAILURES_PER_ADDRESS": "0"}
    async with opened(server, tmp_path, "agon_tries_nobody", **free) as there:
        door = there.visitor()
        body = {"type": "email", "email": ADA, "token": "000000"}
        for _ in range(25):
            refused(await door.post("/verify", json=body), 403, "otp_expired")
        await confirmed(door, there.place, ADA)


async def test_one_user_mails_no_more_strangers_than_that(server, tmp_path):
    few = {**STRICT, "AGON_AUTH_MAILS_PER_USER": "3"}
    async with opened(server, tmp_path, "agon_tries_cannon", **few) as there:
        door = there.visitor(HOME)
        session = await confirmed(door, there.place, ADA)

        async def change(number):
            body = {"email": f"stranger{number}@example.org"}
            return await there.visitor(f"10.0.0.{number}").put(
                "/user", json=body, headers=bearer(session)
            )

        answers = [await change(number) for number in range(4)]
        assert answers[0].status_code == 200
        refused(answers[-1], 429, "over_email_send_rate_limit")
        assert await mails(there.place, "stranger3@example.org") == []
        before = len(await mails(there.place, ADA))
        refused(await change(5), 429, "over_email_send_rate_limit")
        assert len(await mails(there.place, ADA)) == before, "nor at their own address"


async def test_the_present_address_gets_no_more_mail_than_any_other(server, tmp_path):
    slow = {"AGON_AUTH_AUTOCONFIRM": "off", "AGON_AUTH_MAIL_EVERY_SECONDS": "60"}
    async with opened(server, tmp_path, "agon_tries_present", **slow) as there:
        door = there.visitor()
        session = await confirmed(door, there.place, ADA)
        body = {"email": "new@example.org"}
        answer = await door.put("/user", json=body, headers=bearer(session))
        refused(answer, 429, "over_email_send_rate_limit")
        assert len(await mails(there.place, ADA)) == 1
        assert await mails(there.place, "new@example.org") == []
        await there.place.set_clock(datetime.now(UTC) + timedelta(seconds=61))
        answer = await door.put("/user", json=body, headers=bearer(session))
        assert answer.status_code == 200
        assert len(await mails(there.place, ADA)) == 2


async def test_nobody_in_particular_mails_by_network(server, tmp_path):
    few = {**STRICT, "AGON_AUTH_MAILS_PER_ADDRESS": "2", "AGON_AUTH_MAILS_PER_USER": "9"}
    async with opened(server, tmp_path, "agon_tries_guests", **few) as there:
        door, statuses = there.visitor(HOME), []
        for number in range(3):
            guest = (await door.post("/signup", json={})).json()
            answer = await door.put(
                "/user", json={"email": f"stranger{number}@example.org"}, headers=bearer(guest)
            )
            statuses.append(answer.status_code)
        assert statuses == [200, 200, 429]
        body = {"email": "other@example.org"}
        for path in ("/otp", "/recover"):
            refused(await door.post(path, json=body), 429, "over_email_send_rate_limit")
        assert (await there.visitor(AWAY).post("/otp", json=body)).status_code == 200
