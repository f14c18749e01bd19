"""supabase-py signs people up, in and out."""

from __future__ import annotations

import pytest
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

from agon.kernel import clock, jwt
from tests.clients import letters
from tests.clients.conftest import PASSWORD, fresh

OTHER_PASSWORD = "a different long phrase 2"
PAGE = "https://app.agon.example/welcome"
HOUR_S = 3600


def address() -> str:
    return f"{fresh('person')}@agon.example"


@pytest.fixture
async def person(connect):
    """A client that somebody has just signed up with, and their address."""
    client, email = await connect(), address()
    await client.auth.sign_up({"email": email, "password": PASSWORD})
    return client, email


async def refusal(call):
    with pytest.raises(AuthApiError) as caught:
        await call
    return caught.value.code, caught.value.status


async def test_who_signs_up_is_signed_in(connect):
    client, email = await connect(), address()
    data = {"nickname": "Ada"}
    answer = await client.auth.sign_up(
        {"email": email.upper(), "password": PASSWORD, "options": {"data": data}}
    )
    assert answer.session.token_type == "bearer"
    assert answer.session.expires_in == 3600
    assert answer.session.refresh_token
    user = answer.user
    assert (user.email, user.role, user.aud) == (email, "authenticated", "authenticated")
    assert user.user_metadata["nickname"] == "Ada"
    assert user.app_metadata["provider"] == "email"
    assert user.app_metadata["providers"] == ["email"]
    assert user.email_confirmed_at is not None
    (identity,) = user.identities
    assert (identity.provider, identity.user_id) == ("email", user.id)
    assert identity.identity_data["email"] == email


async def test_an_address_signs_up_once(person, connect):
    _, email = person
    again = (await connect()).auth.sign_up({"email": email, "password": PASSWORD})
    assert await refusal(again) == ("user_already_exists", 422)


async def test_a_weak_password_is_refused_with_the_reasons(connect):
    client = await connect()
    for password, reason in (("short", "length"), ("password123", "pwned")):
        with pytest.raises(AuthWeakPasswordError) as caught:
            await client.auth.sign_up({"email": address(), "password": password})
        assert caught.value.status == 422
        assert reason in caught.value.reasons


async def test_something_that_is_no_address_is_refused(connect):
    client = await connect()
    code, status = await refusal(client.auth.sign_up({"email": "nobody", "password": PASSWORD}))
    assert (code, status) in (("validation_failed", 400), ("email_address_invalid", 400))


async def test_the_password_signs_in_and_no_other_does(person, connect):
    _, email = person
    client = await connect()
    wrong = {"email": email, "password": "not " + PASSWORD}
    assert await refusal(client.auth.sign_in_with_password(wrong)) == ("invalid_credentials", 400)
    unknown = {"email": address(), "password": PASSWORD}
    assert await refusal(client.auth.sign_in_with_password(unknown)) == ("invalid_credentials", 400)
    answer = await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert answer.user.email == email
    assert answer.user.last_sign_in_at is not None
    assert (await client.rpc("whoami").execute()).data["uid"] == answer.user.id


async def test_an_unconfirmed_address_confirms_by_the_mailed_code(doors, connect):
    client, email = await connect(url=doors.strict_url), address()
    answer = await client.auth.sign_up({"email": email, "password": PASSWORD})
    assert answer.session is None
    assert answer.user.email == email
    early = client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert await refusal(early) == ("email_not_confirmed", 400)
    mail = await letters.newest(doors.home, email)
    guess = {"email": email, "token": "000000" if mail.code != "000000" else "1", "type": "signup"}
    assert await refusal(client.auth.verify_otp(guess)) == ("otp_expired", 403)
    right = {**guess, "token": mail.code}
    confirmed = await client.auth.verify_otp(right)
    assert confirmed.session.access_token
    assert confirmed.user.email_confirmed_at is not None
    assert await refusal(client.auth.verify_otp(right)) == ("otp_expired", 403)
    await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})


async def test_an_unconfirmed_sign_up_says_the_same_of_a_known_address(person, doors, connect):
    _, taken = person
    client = await connect(url=doors.strict_url)
    known = await client.auth.sign_up({"email": taken, "password": PASSWORD})
    unknown = await client.auth.sign_up({"email": address(), "password": PASSWORD})
    assert known.session is unknown.session is None
    assert known.user.model_dump().keys() == unknown.user.model_dump().keys()
    assert known.user.email == taken
    assert known.user.last_sign_in_at == unknown.user.last_sign_in_at


async def test_nobody_in_particular_signs_in_and_becomes_somebody(connect):
    client = await connect()
    answer = await client.auth.sign_in_anonymously({"options": {"data": {"colour": "red"}}})
    assert answer.user.is_anonymous
    assert not answer.user.email
    assert answer.user.user_metadata == {"colour": "red"}
    email = address()
    await client.auth.update_user({"email": email, "password": PASSWORD})
    again = await (await connect()).auth.sign_in_with_password(
        {"email": email, "password": PASSWORD}
    )
    assert again.user.id == answer.user.id
    assert not again.user.is_anonymous


async def test_a_session_is_renewed_and_the_old_token_leads_to_the_new(person):
    client, _ = person
    old = await client.auth.get_session()
    first = (await client.auth.refresh_session()).session
    assert first.access_token != old.access_token
    assert first.refresh_token != old.refresh_token
    soon = (await client.auth.refresh_session(old.refresh_token)).session
    again = (await client.auth.refresh_session(soon.refresh_token)).session
    assert again.user.id == old.user.id


async def test_an_invented_refresh_token_is_refused(person):
    client, _ = person
    code, status = await refusal(client.auth.refresh_session("never-made"))
    assert (code, status) == ("refresh_token_not_found", 400)


async def test_a_session_moves_to_another_client(person, connect):
    client, email = person
    session = await client.auth.get_session()
    other = await connect()
    await other.auth.set_session(session.access_token, session.refresh_token)
    assert (await other.auth.get_user()).user.email == email


async def test_a_user_changes_its_data_and_password_but_not_its_rights(person, connect):
    client, email = person
    changed = await client.auth.update_user({"data": {"city": "Oslo"}})
    assert changed.user.user_metadata["city"] == "Oslo"
    risen = client.auth.update_user({"app_metadata": {"roles": ["admin"]}})
    assert (await refusal(risen))[1] == 403
    assert "admin" not in str((await client.auth.get_user()).user.app_metadata)
    await client.auth.update_user({"password": OTHER_PASSWORD})
    other = await connect()
    old = other.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert await refusal(old) == ("invalid_credentials", 400)
    await other.auth.sign_in_with_password({"email": email, "password": OTHER_PASSWORD})


async def test_the_same_password_again_is_refused(person):
    client, _ = person
    assert await refusal(client.auth.update_user({"password": PASSWORD})) == ("same_password", 422)


@pytest.mark.parametrize(
    ("scope", "here", "there"),
    [("local", False, True), ("others", True, False), ("global", False, False)],
)
async def test_signing_out_ends_the_sessions_of_its_scope(person, connect, scope, here, there):
    client, email = person
    other = await connect()
    await other.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    mine = (await client.auth.get_session()).refresh_token
    theirs = (await other.auth.get_session()).refresh_token
    await client.auth.sign_out({"scope": scope})
    for token, alive in ((mine, here), (theirs, there)):
        call = (await connect()).auth.refresh_session(token)
        if alive:
            assert (await call).session.access_token
        else:
            with pytest.raises(AuthApiError) as caught:
                await call
            assert caught.value.status == 400


async def test_claims_are_verified_with_the_published_keys(person):
    client, email = person
    answer = await client.auth.get_claims()
    claims, headers = answer["claims"], answer["headers"]
    assert (headers["alg"], bool(headers["kid"])) == ("ES256", True)
    user = (await client.auth.get_user()).user
    assert (claims["sub"], claims["email"], claims["role"]) == (user.id, email, "authenticated")
    assert claims["aud"] == "authenticated"
    assert claims["aal"] == "aal1"
    assert claims["amr"][0]["method"] == "password"
    assert claims["session_id"]
    assert claims["is_anonymous"] is False
    assert claims["app_metadata"]["roles"] == []


async def test_a_magic_link_leads_back_with_a_code(doors, connect):
    client, email = await connect(), address()
    await client.auth.sign_in_with_otp({"email": email, "options": {"email_redirect_to": PAGE}})
    place, said = await letters.follow((await letters.newest(doors.home, email)).link)
    assert place == PAGE
    answer = await client.auth.exchange_code_for_session({"auth_code": said["code"]})
    assert answer.user.email == email
    thief = await connect()
    stolen = thief.auth.exchange_code_for_session(
        {"auth_code": said["code"], "code_verifier": "x" * 43}
    )
    with pytest.raises(AuthApiError):
        await stolen


async def test_a_code_is_worth_nothing_to_who_did_not_ask(doors, connect):
    client, email = await connect(), address()
    await client.auth.sign_in_with_otp({"email": email, "options": {"email_redirect_to": PAGE}})
    _, said = await letters.follow((await letters.newest(doors.home, email)).link)
    thief = await connect()
    code, status = await refusal(
        thief.auth.exchange_code_for_session(
            {"auth_code": said["code"], "code_verifier": "guessed" * 8}
        )
    )
    assert (code, status) == ("bad_code_verifier", 400)


async def test_a_link_never_leads_to_a_stranger(doors, connect):
    client, email = await connect(), address()
    options = {"email_redirect_to": "https://evil.example/"}
    await client.auth.sign_in_with_otp({"email": email, "options": options})
    place, _ = await letters.follow((await letters.newest(doors.home, email)).link)
    assert place.rstrip("/") == doors.url


async def test_a_mailed_code_signs_in_once(doors, connect):
    client, email = await connect(flow_type="implicit"), address()
    await client.auth.sign_in_with_otp({"email": email})
    mail = await letters.newest(doors.home, email)
    params = {"email": email, "token": mail.code, "type": "email"}
    assert (await client.auth.verify_otp(params)).user.email == email
    assert await refusal(client.auth.verify_otp(params)) == ("otp_expired", 403)


async def test_an_implicit_link_leads_back_with_the_session(doors, connect):
    client, email = await connect(flow_type="implicit"), address()
    await client.auth.sign_in_with_otp({"email": email, "options": {"email_redirect_to": PAGE}})
    place, said = await letters.follow((await letters.newest(doors.home, email)).link)
    assert (place, said["token_type"], said["type"]) == (PAGE, "bearer", "signup")
    answer = await client.auth.set_session(said["access_token"], said["refresh_token"])
    assert answer.user.email == email


async def test_a_forgotten_password_is_set_anew(person, doors, connect):
    _, email = person
    client, heard = await connect(), []
    client.auth.on_auth_state_change(lambda event, _: heard.append(event))
    await client.auth.reset_password_for_email(email, {"redirect_to": PAGE})
    _, said = await letters.follow((await letters.newest(doors.home, email)).link)
    await client.auth.exchange_code_for_session({"auth_code": said["code"]})
    assert "PASSWORD_RECOVERY" in heard
    await client.auth.update_user({"password": OTHER_PASSWORD})
    await (await connect()).auth.sign_in_with_password({"email": email, "password": OTHER_PASSWORD})


async def test_recovery_says_nothing_about_who_is_known(connect):
    await (await connect()).auth.reset_password_for_email(address())


async def test_a_listener_hears_what_happens(person):
    client, _ = person
    heard = []
    client.auth.on_auth_state_change(lambda event, session: heard.append((event, bool(session))))
    await client.auth.refresh_session()
    await client.auth.update_user({"data": {"a": 1}})
    await client.auth.sign_out()
    assert heard == [("TOKEN_REFRESHED", True), ("USER_UPDATED", True), ("SIGNED_OUT", False)]


def run_out(doors, session):
    """The session as it is an hour later: with a token that holds no more."""
    keys = doors.place.runtime.jwt_keys
    claims = jwt.verify(session.access_token, keys, clock.now_s())
    bare = {name: value for name, value in claims.items() if name not in ("iat", "exp")}
    token = jwt.mint(bare, keys[0], clock.now_s() - 2 * HOUR_S, HOUR_S)
    return session.model_copy(update={"access_token": token, "expires_at": clock.now_s() - HOUR_S})


@pytest.mark.parametrize("way", ["refresh", "sign in", "sign up", "mail", "get", "sign out"])
async def test_a_token_that_ran_out_is_left_behind(doors, connect, way):
    """The client sends it in Authorization with everything, also with what renews it."""
    client, email = await connect(), address()
    credentials = {"email": email, "password": PASSWORD}
    late = run_out(doors, (await client.auth.sign_up(credentials)).session)
    await client.auth._save_session(late)
    client._listen_to_auth_events("SIGNED_IN", late)
    headers = client.auth._headers
    assert headers["Authorization"] == f"Bearer {late.access_token}"
    if way == "refresh":
        session = (await client.auth.refresh_session(late.refresh_token)).session
    elif way == "sign in":
        session = (await client.auth.sign_in_with_password(credentials)).session
    elif way == "sign up":
        other = {"email": address(), "password": PASSWORD}
        session = (await client.auth.sign_up(other)).session
    elif way == "mail":
        await client.auth.sign_in_with_otp({"email": email})
        code = (await letters.newest(doors.home, email)).code
        proof = {"email": email, "token": code, "type": "email"}
        session = (await client.auth.verify_otp(proof)).session
    elif way == "get":
        session = await client.auth.get_session()
    else:
        await client.auth.sign_out()
        session = (await client.auth.sign_in_with_password(credentials)).session
    assert (await client.auth.get_user(session.access_token)).user


async def test_identities_are_listed(person):
    client, _ = person
    listed = await client.auth.get_user_identities()
    assert [one.provider for one in listed.identities] == ["email"]


async def test_reauthentication_sends_a_code(person, doors):
    client, email = person
    await client.auth.reauthenticate()
    assert (await letters.newest(doors.home, email)).code


async def test_a_confirmation_is_not_sent_again_at_once(doors, connect):
    client, email = await connect(url=doors.strict_url), address()
    await client.auth.sign_up({"email": email, "password": PASSWORD})
    again = client.auth.resend({"type": "signup", "email": email})
    assert await refusal(again) == ("over_email_send_rate_limit", 429)


async def test_a_second_factor_is_refused_politely(person):
    client, _ = person
    _, status = await refusal(client.auth.mfa.enroll({"factor_type": "totp"}))
    assert 400 <= status < 500


async def test_a_phone_is_refused_politely(connect):
    client = await connect()
    _, status = await refusal(client.auth.sign_in_with_otp({"phone": "+4712345678"}))
    assert 400 <= status < 500
