"""GitHub as a place to sign in: the web application flow, and who came back.

https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps and the REST
API's `GET /user`, `GET /user/emails`. GitHub Enterprise speaks the same at other addresses.
GitHub answers mistakes of the token exchange with status 200 and an `error`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from agon.commons.people import users
from agon.kernel.config import Settings
from agon.kernel.errors import Refused, refuse
from agon.kernel.outbound import Answer, Client

SCOPES = ("read:user", "user:email")
"""What signing in needs: the profile, and the email addresses with whether they are verified."""
API_VERSION = "2022-11-28"
ANSWER_BYTES_MAX = 256 * 1024
TEXT_CHARS_MAX = 2048
NAME_CHARS_MAX = 128
URL_CHARS_MAX = 512
"""The profile stands in every access token."""
SUBJECT_MAX = 2**63 - 1
EMAILS_PAGE = 100
"""Addresses of one account that are looked at; GitHub hands out no more a page."""

Value = TypeVar("Value")

_TOKEN = re.compile(rf"[!-~]{{1,{TEXT_CHARS_MAX}}}")
_LOGIN = re.compile(r"[A-Za-z0-9_.\[\]-]{1,100}")
_URL = re.compile(rf"https?://[!-~]{{1,{URL_CHARS_MAX}}}")


@dataclass(frozen=True, kw_only=True)
class Application:
    """Our OAuth app there. url: of the sign-in pages; api_url: of the REST API; both without a
    trailing slash."""

    client_id: str
    client_secret: str = field(repr=False)
    url: str = "https://github.com"
    api_url: str = "https://api.github.com"


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What a code was exchanged for. refresh_token, expires_in_s: only where the app's tokens
    expire; scopes: what was granted, which can be less than was asked for."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in_s: int | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Who signed in. subject: GitHub's number of the account, which never changes (a login does);
    email: the primary one, None where we may not see it; only a verified one proves anything."""

    subject: str
    login: str
    name: str | None
    avatar_url: str | None
    email: str | None
    email_verified: bool
    issuer: str

    def identity_data(self) -> dict[str, Any]:
        """What the identity's row keeps, under the names that Supabase's clients know."""
        name = self.name or self.login
        shown = {
            "avatar_url": self.avatar_url,
            "email": self.email,
            "email_verified": self.email_verified,
            "full_name": name,
            "iss": self.issuer,
            "name": name,
            "phone_verified": False,
            "preferred_username": self.login,
            "provider_id": self.subject,
            "sub": self.subject,
            "user_name": self.login,
        }
        return {key: value for key, value in shown.items() if value is not None}


def application(settings: Settings) -> Application:
    """Our app, as it is configured. Raises Refused `provider_disabled`."""
    client_id, client_secret = settings["github_client_id"], settings["github_client_secret"]
    if not client_id or not client_secret:
        raise refuse(
            "provider_disabled",
            "Signing in with GitHub is not configured here.",
            hint="The operator sets AGON_GITHUB_CLIENT_ID and AGON_GITHUB_CLIENT_SECRET.",
        )
    return Application(
        client_id=client_id,
        client_secret=client_secret,
        url=settings["github_url"].rstrip("/"),
        api_url=settings["github_api_url"].rstrip("/"),
    )


def authorize_url(
    app: Application,
    redirect_uri: str,
    state: str,
    scopes: tuple[str, ...] = (),
    code_challenge: str | None = None,
) -> str:
    """Where the browser goes to sign in.

    scopes: besides `SCOPES`; code_challenge: S256 of a verifier of ours (RFC 7636), if any.
    """
    query = {
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(dict.fromkeys((*SCOPES, *scopes))),
        "state": state,
    }
    if code_challenge:
        query |= {"code_challenge": code_challenge, "code_challenge_method": "S256"}
    return f"{app.url}/login/oauth/authorize?{urlencode(query)}"


def code_of(query: Mapping[str, str]) -> str:
    """The code in the query that the browser came back with. Raises Refused `access_denied`,
    `bad_oauth_callback`."""
    if error := query.get("error"):
        raise refuse(
            "access_denied" if error == "access_denied" else "bad_oauth_callback",
            "GitHub did not sign you in.",
            details=_text(query.get("error_description")) or _text(error),
            hint="Sign in again, and allow it there.",
            status=403 if error == "access_denied" else 400,
        )
    if not query.get("code"):
        raise refuse("bad_oauth_callback", "GitHub sent you back without a code.")
    return query["code"]


async def exchange(
    outbound: Client,
    app: Application,
    code: str,
    redirect_uri: str,
    code_verifier: str | None = None,
) -> Tokens:
    """The tokens that a code stands for; a code works once, for ten minutes.

    Raises Refused `bad_oauth_callback` (a code that does not hold),
    `provider_email_needs_verification`, `provider_misconfigured`, `provider_failed`, `outbound_*`.
    """
    form = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "code": code,
        "redirect_uri": redirect_uri,
    }
    if code_verifier:
        form["code_verifier"] = code_verifier
    answer = await outbound.request(
        "POST",
        f"{app.url}/login/oauth/access_token",
        headers={"Accept": "application/json"},
        form=form,
        limit_bytes=ANSWER_BYTES_MAX,
        retries=0,
    )
    document = _opened(answer)
    if isinstance(document, dict) and "error" in document:
        raise _exchange_refused(document)
    token = _part(document, "access_token", str)
    if not _TOKEN.fullmatch(token):
        raise _failed("access_token is none")
    expires = document.get("expires_in")
    return Tokens(
        access_token=token,
        refresh_token=_text(document.get("refresh_token")),
        expires_in_s=expires if isinstance(expires, int) else None,
        scopes=_scopes(_part(document, "scope", str)),
    )


async def profile(outbound: Client, app: Application, access_token: str, now_s: int) -> Profile:
    """Who the token belongs to, with the primary address.

    Raises Refused `provider_token_refused` (withdrawn), `outbound_rate_limited` (its wait:
    `errors.retry_after_s`), `provider_failed`, `outbound_*`.
    """
    user = _opened(await _get(outbound, app, access_token, "/user", now_s))
    email, verified = await _primary_email(outbound, app, access_token, now_s)
    return Profile(
        subject=str(_subject(user)),
        login=_login(user),
        name=_name(user.get("name")),
        avatar_url=_url(user.get("avatar_url")),
        email=email,
        email_verified=verified,
        issuer=app.api_url,
    )


async def _primary_email(
    outbound: Client, app: Application, token: str, now_s: int
) -> tuple[str | None, bool]:
    """The primary address and whether it is verified; (None, False) where the owner did not grant
    the scope. The address in a public profile says nothing of either."""
    path = f"/user/emails?per_page={EMAILS_PAGE}"
    answer = await _get(outbound, app, token, path, now_s)
    if answer.status in (403, 404):
        return None, False
    listed = _opened(answer)
    if not isinstance(listed, list):
        raise _failed("the emails are no array")
    primary = next((item for item in listed if _part(item, "primary", bool)), None)
    if primary is None:
        return None, False
    try:
        return users.email_of(_part(primary, "email", str)), _part(primary, "verified", bool)
    except Refused as refused:
        if refused.refusal.code != "validation_failed":
            raise
        return None, False  # nobody here can have such an address


async def _get(outbound: Client, app: Application, token: str, path: str, now_s: int) -> Answer:
    answer = await outbound.request(
        "GET",
        f"{app.api_url}{path}",
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": API_VERSION,
        },
        limit_bytes=ANSWER_BYTES_MAX,
        retries=0,  # somebody waits before a browser
    )
    if answer.status == 401:
        raise refuse(
            "provider_token_refused",
            "GitHub no longer accepts this sign-in.",
            hint="Sign in again.",
        )
    if answer.status == 403 and (wait_s := _limited_s(answer.headers, now_s)) is not None:
        raise refuse(
            "outbound_rate_limited",
            "GitHub asks for fewer requests.",
            details=f"retry_after_s={wait_s}",
            hint="Try again later.",
            status=503,
        )
    return answer


def _limited_s(headers: Mapping[str, str], now_s: int) -> int | None:
    """The wait that a 403 asks for; None if it is about rights, and not about rates."""
    asked = headers.get("retry-after", "")
    if asked.isascii() and asked.isdigit():
        return int(asked[:9])
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
        return max(0, int(reset[:12]) - now_s)
    return None


def _exchange_refused(document: Mapping[str, Any]) -> Refused:
    error, details = str(document["error"]), _text(document.get("error_description"))
    match error:
        case "bad_verification_code":
            return refuse(
                "bad_oauth_callback",
                "GitHub does not know this code.",
                details=details,
                hint="Sign in again: a code works once, and not for long.",
            )
        case "unverified_user_email":
            return refuse(
                "provider_email_needs_verification",
                "Your email address at GitHub is not verified.",
                details=details,
                hint="Verify it there, and sign in again.",
                status=422,
            )
        case "incorrect_client_credentials" | "redirect_uri_mismatch":
            return refuse(
                "provider_misconfigured",
                "GitHub does not accept this server's application.",
                details=details or error,
                hint="Compare client id, secret and callback address with those at GitHub.",
                status=502,
            )
    return _failed(f"{error[:100]}: {details or ''}")


def _opened(answer: Answer) -> Any:
    if answer.status != 200:
        raise _failed(f"status {answer.status}")
    return answer.json()


def _part(document: Any, key: str, kind: type[Value]) -> Value:
    """A part of an answer, of its documented type. Raises Refused `provider_failed`."""
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _failed(f"{key} is no {kind.__name__}")
    return value


def _subject(user: Any) -> int:
    number = _part(user, "id", int)
    if not 0 < number <= SUBJECT_MAX:
        raise _failed("id is no account's number")
    return number


def _login(user: Any) -> str:
    login = _part(user, "login", str)
    if not _LOGIN.fullmatch(login):
        raise _failed("login is no account's name")
    return login


def _name(value: object) -> str | None:
    """What may be shown of a name: without signs that cannot be seen, nor stored."""
    shown = "".join(sign for sign in (_text(value) or "") if sign.isprintable())
    return shown[:NAME_CHARS_MAX].strip() or None


def _url(value: object) -> str | None:
    return value if isinstance(value, str) and _URL.fullmatch(value) else None


def _text(value: object) -> str | None:
    """A text that may be missing, bounded."""
    return value[:TEXT_CHARS_MAX] if isinstance(value, str) and value else None


def _scopes(text: str) -> tuple[str, ...]:
    return tuple(scope.strip() for scope in text.split(",") if scope.strip())


def _failed(details: str) -> Refused:
    return refuse(
        "provider_failed",
        "GitHub did not answer as its documentation says.",
        details=details,
        hint="Try again later.",
        status=502,
    )
