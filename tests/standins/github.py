"""GitHub's OAuth web flow and the REST paths of the signed-in user, as far as signing in needs.

The REST API lies under /api/v3, as on GitHub Enterprise; api.github.com has it at the root.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.standins.server import Standin, serve

CLIENT_ID = "Iv1.8a61f9b3a7aba766"
CLIENT_SECRET = "github-secret"
API = "/api/v3"

# https://docs.github.com/en/rest/users/users#get-the-authenticated-user, what of it we could read.
OCTOCAT: Mapping[str, Any] = {
    "login": "octocat",
    "id": 583231,
    "node_id": "MDQ6VXNlcjE=",
    "avatar_url": "https://avatars.githubusercontent.com/u/583231",
    "html_url": "https://github.com/octocat",
    "type": "User",
    "site_admin": False,
    "name": "monalisa octocat",
    "company": None,
    "email": "public@github.com",
    "two_factor_authentication": True,
}
EMAILS: Sequence[Mapping[str, Any]] = (
    {"email": "old@github.com", "verified": True, "primary": False, "visibility": None},
    {"email": "Octocat@github.com", "verified": True, "primary": True, "visibility": "private"},
)


@dataclass(kw_only=True)
class _Party:
    """One account at GitHub whose owner says yes, or no."""

    user: Mapping[str, Any]
    emails: Sequence[Mapping[str, Any]]
    granted: Sequence[str] | None
    denies: bool
    grants: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    async def authorize(self, request: web.Request) -> web.Response:
        asked = request.query
        if asked.get("client_id") != CLIENT_ID:
            return web.Response(status=404, text="Not Found")
        if self.denies:
            back = {
                "error": "access_denied",
                "error_description": "The user has denied your application access.",
                "error_uri": "https://docs.github.com/apps/troubleshooting",
                "state": asked.get("state", ""),
            }
        else:
            code = f"code-{len(self.grants) + 1}"
            self.grants[code] = dict(asked)
            back = {"code": code, "state": asked.get("state", "")}
        return web.Response(
            status=302, headers={"Location": f"{asked['redirect_uri']}?{urlencode(back)}"}
        )

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return _mistake(
                "incorrect_client_credentials",
                "The client_id and/or client_secret passed are incorrect.",
            )
        grant = self.grants.pop(str(form.get("code")), None)
        if grant is None or not _proves(grant, str(form.get("code_verifier", ""))):
            return _mistake("bad_verification_code", "The code passed is incorrect or expired.")
        if form.get("redirect_uri") != grant["redirect_uri"]:
            return _mistake(
                "redirect_uri_mismatch",
                "The redirect_uri MUST match the registered callback URL for this application.",
            )
        token = f"gho_{len(self.tokens) + 1:036d}"
        scopes = grant.get("scope", "").split() if self.granted is None else self.granted
        self.tokens[token] = ",".join(scopes)
        return web.json_response(
            {"access_token": token, "scope": self.tokens[token], "token_type": "bearer"}
        )

    async def whoami(self, request: web.Request) -> web.Response:
        scopes = self._scopes(request)
        if scopes is None:
            return _problem(401, "Bad credentials")
        return web.json_response(dict(self.user), headers={"X-OAuth-Scopes": scopes})

    async def addresses(self, request: web.Request) -> web.Response:
        scopes = self._scopes(request)
        if scopes is None:
            return _problem(401, "Bad credentials")
        if not {"user", "user:email"} & set(scopes.split(",")):
            return _problem(404, "Not Found", {"X-Accepted-OAuth-Scopes": "user, user:email"})
        return web.json_response([dict(item) for item in self.emails])

    def _scopes(self, request: web.Request) -> str | None:
        return self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))


@asynccontextmanager
async def standin(
    user: Mapping[str, Any] = OCTOCAT,
    emails: Sequence[Mapping[str, Any]] = EMAILS,
    *,
    granted: Sequence[str] | None = None,
    denies: bool = False,
) -> AsyncIterator[Standin]:
    """granted: scopes that the owner leaves us with, None for all that are asked for; denies: the
    owner says no. AGON_GITHUB_URL is the stand-in's url, AGON_GITHUB_API_URL the url and API."""
    party = _Party(user=user, emails=emails, granted=granted, denies=denies)
    async with serve(
        {
            "GET /login/oauth/authorize": party.authorize,
            "POST /login/oauth/access_token": party.token,
            f"GET {API}/user": party.whoami,
            f"GET {API}/user/emails": party.addresses,
        }
    ) as running:
        yield running


def _proves(grant: Mapping[str, str], verifier: str) -> bool:
    if "code_challenge" not in grant:
        return True
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == grant["code_challenge"]


def _mistake(error: str, description: str) -> web.Response:
    """GitHub's mistakes of the exchange come with status 200."""
    uri = f"https://docs.github.com/apps/oauth#{error.replace('_', '-')}"
    return web.json_response({"error": error, "error_description": description, "error_uri": uri})


def _problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {"message": message, "documentation_url": "https://docs.github.com/rest"}
    return web.json_response(body, status=status, headers=headers)
