"""Who is calling: the key and the token that a request carries, as an actor.

`apikey` says which application knocks, `Authorization: Bearer` who its user is. A client that is
signed out sends its key in both. Without either, the caller is anon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from agon.kernel import apikeys
from agon.kernel.database import ANONYMOUS, Actor, Database, claims_text
from agon.kernel.errors import Refused, refuse
from agon.kernel.jwt import TOKEN_BYTES_MAX
from agon.kernel.manifest import Bearer, load
from agon.kernel.runtime import Runtime
from agon.web.domains import Domains, Said
from agon.web.headers import TOKEN_REFUSED, Headers
from agon.web.quotas import Quota, Take, refuse_unknown

CALLERS_MAX = 4096
"""Pairs of key and token that are remembered."""
REMEMBER_S = 60
"""A remembered caller is looked at again after so long: a retired signing key ends by then."""

BEARER = "bearer "
AUTHORIZATION = b"authorization"
BROWSER = b"Mozilla/"
"""How the User-Agent of every browser begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a request acts as.

    claims_json: for the setting `request.jwt.claims`, role included; user: the token's `sub`, if it
    has one; key: a name for the key that was sent, if one was; by_secret_key: it is the one that no
    browser may hold; quota: in which each request is counted, if one is; until_s: the last second
    since 1970 for which this was found.
    """

    actor: Actor
    claims_json: bytes
    user: str | None = None
    key: str | None = None
    by_secret_key: bool = False
    quota: Quota | None = None
    until_s: int


_Sent = tuple[bytes | None, bytes | None, Said]


class Callers:
    """Finds callers, and remembers them: one seen before is one look-up.

    database: gives the open pools, in which the systems' own bearers are looked for; without it
    none of those is known.
    """

    def __init__(self, runtime: Runtime, database: Callable[[], Database] | None = None):
        self._runtime, self._database = runtime, database
        self._bearers = [bearer for system in runtime.systems for bearer in system.bearers]
        self._domains = Domains(runtime, database)
        self._seen: dict[_Sent, Caller] = {}
        self._quotas: dict[str, Quota] = {}

    async def identify(self, headers: Headers, now_s: int) -> Caller:
        """The caller of a request with these headers.

        Raises Refused (401): `PGRST301`, `PGRST303` for a token that does not hold,
        `api_key_unknown`, `api_keys_differ`, `secret_key_in_browser`, `credential_unknown`;
        (429) `rate_limited` where the bearer's requests of the hour are used up.
        """
        said = await self._domains.said(headers, now_s)
        sent = headers.get(b"apikey"), headers.get(AUTHORIZATION), said
        caller = self._seen.get(sent)
        if caller is None or now_s > caller.until_s:
            found = await self._find(headers.get(b"apikey"), headers.get(AUTHORIZATION), now_s)
            caller = _placed(found, said, self._domains.claims)
            self._remember(sent, caller)
        if caller.by_secret_key and headers.get(b"user-agent", b"").startswith(BROWSER):
            raise refuse(
                "secret_key_in_browser",
                "Forbidden use of secret API key in browser",
                hint="Give pages the publishable key; make a new secret key, this one is out.",
                status=401,
            )
        if caller.quota is not None:
            await caller.quota.spend()
        return caller

    async def admit(self, headers: Headers, now_s: int) -> Caller:
        """As `identify`, where nobody needs to be signed in: a token that does not hold says
        nothing, and the key counts alone. Clients send their expired token with what renews it."""
        try:
            return await self.identify(headers, now_s)
        except Refused as refused:
            if refused.refusal.code not in TOKEN_REFUSED or AUTHORIZATION not in headers:
                raise
        bare = {name: value for name, value in headers.items() if name != AUTHORIZATION}
        return await self.identify(bare, now_s)

    def _remember(self, sent: _Sent, caller: Caller) -> None:
        self._seen.pop(sent, None)
        if sum(map(len, filter(None, sent[:2]))) > 2 * TOKEN_BYTES_MAX:
            return
        if len(self._seen) >= CALLERS_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[sent] = caller

    async def _find(self, apikey: bytes | None, header: bytes | None, now_s: int) -> Caller:
        key = None if apikey is None else await self._holder(apikey.decode("latin-1"), now_s)
        if header is None or header == b"":
            return key or _anonymous(now_s)
        token = _token(header.decode("latin-1"))
        if apikey is not None and self._differ(apikey.decode("latin-1"), token):
            raise refuse(
                "api_keys_differ",
                "Authorization and apikey carry two keys.",
                hint="Send the same key in both, or a user's access token in Authorization.",
                status=401,
            )
        bearer = await self._holder(token, now_s)
        if key is None:
            return bearer
        return Caller(
            actor=bearer.actor,
            claims_json=bearer.claims_json,
            user=bearer.user,
            key=key.key or bearer.key,
            by_secret_key=key.by_secret_key or bearer.by_secret_key,
            quota=key.quota or bearer.quota,
            until_s=min(key.until_s, bearer.until_s),
        )

    async def _holder(self, text: str, now_s: int) -> Caller:
        """Who sends this key or token alone."""
        if apikeys.is_api_key(text):
            return self._key_holder(text, now_s)
        bearer = self._kind_of(text)
        if bearer is not None:
            return await self._bearer(bearer, text, now_s)
        verified = await self._runtime.verified(text, now_s)
        user = verified.claims.get("sub")
        return Caller(
            actor=Actor(role=verified.role, claims=verified.claims),  # type: ignore[arg-type]
            claims_json=verified.claims_json.encode(),
            user=user if isinstance(user, str) else None,
            key=None if user else f"{verified.role} by token",
            until_s=min(verified.until_s, now_s + REMEMBER_S),
        )

    def _kind_of(self, text: str) -> Bearer | None:
        if self._database is None:
            return None
        return next((each for each in self._bearers if text.startswith(each.prefix)), None)

    def _differ(self, key: str, token: str) -> bool:
        """Whether these are two keys; a program's own bearer may come with the application's."""
        both_programs = self._kind_of(key) is not None and self._kind_of(token) is not None
        return key != token and (apikeys.is_api_key(token) or both_programs)

    async def _bearer(self, kind: Bearer, text: str, now_s: int) -> Caller:
        assert self._database is not None
        claims: Mapping[str, Any] | None = await load(kind.claims)(self._database(), text)
        if claims is None:
            raise refuse_unknown()
        actor = Actor(role="authenticated", claims=claims)
        said, until_s = claims_text(actor), now_s + REMEMBER_S
        take = kind.quota and partial(load(kind.quota), self._database(), claims)
        return Caller(
            actor=actor,
            claims_json=said.encode(),
            key=said,
            quota=self._quota(said, take) if take else None,
            until_s=min(claims.get("exp", until_s), until_s),
        )

    def _quota(self, name: str, take: Take) -> Quota:
        """The one of this name, which others of its requests are counted in."""
        quota = self._quotas.get(name) or Quota(take)
        if len(self._quotas) >= CALLERS_MAX and name not in self._quotas:
            del self._quotas[next(iter(self._quotas))]
        self._quotas[name] = quota
        return quota

    def _key_holder(self, key: str, now_s: int) -> Caller:
        role = self._runtime.api_keys.roles().get(key)
        if role is None:
            raise refuse(
                "api_key_unknown",
                "Invalid API key",
                hint="`agon keys` prints the keys of this server.",
                status=401,
            )
        actor = Actor(role=role)
        return Caller(
            actor=actor,
            claims_json=claims_text(actor).encode(),
            key=f"{role} by key",
            by_secret_key=role == "service_role",
            until_s=now_s + REMEMBER_S,
        )


def _placed(caller: Caller, said: Said, claims: frozenset[str]) -> Caller:
    """The caller with what the Host said, and without such claims of its own."""
    given = caller.actor.claims
    if not said and claims.isdisjoint(given):
        return caller
    kept = {name: value for name, value in given.items() if name not in claims}
    actor = Actor(role=caller.actor.role, claims=kept | dict(said))
    return replace(caller, actor=actor, claims_json=claims_text(actor).encode())


def _token(header: str) -> str:
    bare = header[len(BEARER) :] if header.lower().startswith(BEARER) else header
    return bare.strip()


def _anonymous(now_s: int) -> Caller:
    return Caller(
        actor=ANONYMOUS,
        claims_json=claims_text(ANONYMOUS).encode(),
        until_s=now_s + REMEMBER_S,
    )
