"""The one client for calls to strangers: bounded, patient, and to public addresses only.

The address that is connected to is the address that was checked: names are resolved by a resolver
of ours that hands on public addresses only, so a name that changes its answer gets nowhere.
Redirects are followed by hand and checked again. No cookies, no proxies from the environment.
Where `Settings.proxy` is set, that proxy resolves names, and it must refuse private addresses.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from agon.kernel.addresses import Names, PublicResolver, forbidden, is_address, is_public
from agon.kernel.errors import Refused, refuse

CONNECT_MS_MAX = 10_000
TOTAL_MS_MAX = 30_000
"""Of one attempt, from the first byte sent to the last byte read."""
ANSWER_BYTES_MAX = 16 * 1024 * 1024
"""Of one answer, after decompression."""
CHUNK_BYTES = 64 * 1024
CONNECTIONS_MAX = 32
REDIRECTS_MAX = 5
RETRIES_MAX = 3
RETRY_WAIT_S_MAX = 60

REDIRECTS = (301, 302, 303, 307, 308)
IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")  # RFC 9110, 9.2.2

Headers = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """exempt: (host, port) pairs that may be private and plain HTTP, for local stand-ins."""

    exempt: frozenset[tuple[str, int]] = frozenset()
    proxy: str | None = None
    connect_ms: int = CONNECT_MS_MAX
    total_ms: int = TOTAL_MS_MAX


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. headers: names in lower case; body: decompressed."""

    status: int
    headers: Headers
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Refused `outbound_malformed` if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise _malformed("is not JSON") from error


@dataclass(frozen=True, kw_only=True)
class _Call:
    """One request, as it is repeated along redirects."""

    method: str
    headers: Headers
    data: bytes | Mapping[str, str] | None
    limit_bytes: int


class Client:
    """Holds the connections. Make one with `client`."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        settings: Settings,
        sleep: Callable[[float], Awaitable[None]],
    ):
        self._http = http
        self._settings = settings
        self._sleep = sleep

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Headers | None = None,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit_bytes: int = ANSWER_BYTES_MAX,
        retries: int = RETRIES_MAX,
    ) -> Answer:
        """One answer, whatever its status.

        429 is retried, and 503 if the method is idempotent, after the wait that Retry-After names
        or 1, 2, 4 … s. GET and HEAD follow redirects; to another origin without the caller's
        headers, which may hold a key. Raises Refused `outbound_forbidden_address`,
        `outbound_timeout`, `outbound_too_large`, `outbound_unreachable`, `outbound_malformed`,
        `outbound_redirects`, or `outbound_rate_limited` (see `errors.retry_after_s`) where waiting
        longer than RETRY_WAIT_S_MAX, or a further retry, would be needed after a 429.
        """
        target = _parse(url).update_query(params or {})
        call = _Call(
            method=method,
            headers=dict(headers or {}),
            data=body if form is None else form,
            limit_bytes=limit_bytes,
        )
        for attempt in range(retries + 1):
            answer = await self._follow(call, target)
            if not _may_retry(method, answer.status):
                return answer
            asked_s = asked_wait_s(answer.headers)
            wait_s = 2**attempt if asked_s is None else asked_s
            if attempt == retries or wait_s > RETRY_WAIT_S_MAX:
                break
            await self._sleep(wait_s)
        if answer.status == 429:
            raise _rate_limited(target, asked_s)
        return answer

    async def tell(
        self, url: str, body: bytes, *, headers: Headers, excerpt_bytes: int, total_ms: int
    ) -> Answer:
        """POST once: no redirect is followed, nothing is repeated.

        Of the answer's body, as it came, the first excerpt_bytes are read, or what of them comes in
        time; the status counts all the same. Raises Refused `outbound_forbidden_address`,
        `outbound_timeout`, `outbound_unreachable`.
        """
        target = self.check(url)
        timeout = aiohttp.ClientTimeout(
            total=total_ms / 1000, connect=self._settings.connect_ms / 1000
        )
        with _troubles(target):
            async with self._http.post(
                target,
                headers={"Accept-Encoding": "identity", **headers},
                data=body,
                allow_redirects=False,
                proxy=self._settings.proxy,
                timeout=timeout,
            ) as response:
                return _answer(response, await _excerpt(response, excerpt_bytes))

    async def _follow(self, call: _Call, target: URL) -> Answer:
        headers = call.headers
        for _ in range(REDIRECTS_MAX + 1):
            self._check(target)
            answer = await self._send(call, target, headers)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or not location or call.method not in ("GET", "HEAD"):
                return answer
            onward = _parse(location, base=target)
            if (onward.scheme, onward.host, onward.port) != (
                target.scheme,
                target.host,
                target.port,
            ):
                headers = {}
            target = onward
        raise refuse(
            "outbound_redirects",
            f"{call.method} was redirected more than {REDIRECTS_MAX} times.",
            details=str(target.with_query(None)),
            status=502,
        )

    def check(self, url: str) -> URL:
        """A URL that may be called, as far as can be told before its name is looked up. Raises
        Refused `outbound_forbidden_address`."""
        target = _parse(url)
        self._check(target)
        return target

    def _check(self, target: URL) -> None:
        exempt = (target.raw_host, target.port) in self._settings.exempt
        if target.scheme != "https" and not (exempt and target.scheme == "http"):
            raise forbidden(f"{target.scheme or 'no scheme'} is not https")
        if not target.raw_host or target.user or target.password:
            raise forbidden("the URL needs a host, and must hold no user or password")
        if not exempt and is_address(target.raw_host) and not is_public(target.raw_host):
            raise forbidden(f"{target.raw_host} is not a public address")

    async def _send(self, call: _Call, target: URL, headers: Headers) -> Answer:
        with _troubles(target):
            async with self._http.request(
                call.method,
                target,
                headers=headers,
                data=call.data,
                allow_redirects=False,
                proxy=self._settings.proxy,
            ) as response:
                return _answer(response, await _read(response, call.limit_bytes))


@asynccontextmanager
async def client(
    settings: Settings | None = None,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    names: AbstractResolver | None = None,
) -> AsyncIterator[Client]:
    """A client, open for the length of the block. sleep and names (DNS) are passed in by tests."""
    settings = settings or Settings()
    exempt = settings.exempt | place_of(settings.proxy)
    resolver = PublicResolver(names or Names(CONNECTIONS_MAX), exempt)
    connector = aiohttp.TCPConnector(
        resolver=resolver,
        use_dns_cache=False,
        limit=CONNECTIONS_MAX,
    )
    timeout = aiohttp.ClientTimeout(
        total=settings.total_ms / 1000, connect=settings.connect_ms / 1000
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "agon", "Accept-Encoding": "gzip"},
        auto_decompress=False,  # `_read` does it, because it counts
        trust_env=False,
    ) as http:
        try:
            yield Client(http, settings, sleep)
        finally:
            await resolver.close()


def _parse(url: str, base: URL | None = None) -> URL:
    try:
        return URL(url) if base is None else base.join(URL(url))
    except ValueError as error:
        raise forbidden("the URL is malformed") from error


def place_of(text: str | None) -> frozenset[tuple[str, int]]:
    """Where a URL points, as `Settings.exempt` holds it; nothing where it names no host."""
    url = URL(text or "")
    return frozenset({(url.raw_host, url.port)} if url.raw_host and url.port else ())


def _may_retry(method: str, status: int) -> bool:
    return status == 429 or (status == 503 and method in IDEMPOTENT)


def asked_wait_s(headers: Headers) -> int | None:
    """Seconds that Retry-After names; a date counts from the answer's own Date (RFC 9110)."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return int(asked[:9])
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0, int(wait.total_seconds()))


@contextmanager
def _troubles(target: URL) -> Iterator[None]:
    """What can happen on the way, as refusals."""
    try:
        yield
    except aiohttp.InvalidURL as error:  # numeric hosts that are no plain address
        raise forbidden(f"{target.host} is no host") from error
    except TimeoutError as error:
        raise refuse(
            "outbound_timeout",
            f"{target.host} did not answer in time.",
            hint="Try again later.",
            status=504,
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise refuse(
            "outbound_unreachable",
            f"{target.host} could not be reached, or broke off its answer.",
            details=f"{type(error).__name__}: {error}",
            hint="Try again later.",
            status=502,
        ) from error


def _answer(response: aiohttp.ClientResponse, body: bytes) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status, headers=headers, body=body)


async def _excerpt(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    body = bytearray()
    try:
        while len(body) < limit_bytes and (
            chunk := await response.content.read(limit_bytes - len(body))
        ):
            body += chunk
    except (TimeoutError, aiohttp.ClientError, OSError):
        return bytes(body)  # the status has come, and says what there is to know
    return bytes(body)


async def _read(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise _malformed(f"is encoded as {encoding[:40]}, which was not asked for")
    unzip = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body = bytearray()
    compressed = 0
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        compressed += len(chunk)
        try:
            # Never more than one byte over the limit, however far the chunk would expand.
            body += unzip.decompress(chunk, limit_bytes + 1 - len(body)) if unzip else chunk
        except zlib.error as error:
            raise _malformed("is no valid gzip") from error
        if len(body) > limit_bytes:
            raise refuse(
                "outbound_too_large",
                f"The answer of {response.url.host} is larger than {limit_bytes} bytes.",
                status=502,
            )
    if unzip and compressed and (not unzip.eof or unzip.unused_data):
        raise _malformed("is no single, whole gzip")
    return bytes(body)


def _malformed(what: str) -> Refused:
    return refuse("outbound_malformed", f"The answer {what}.", hint="Try again later.", status=502)


def _rate_limited(target: URL, asked_s: int | None) -> Refused:
    return refuse(
        "outbound_rate_limited",
        f"{target.host} asks for fewer requests.",
        details=None if asked_s is None else f"retry_after_s={asked_s}",
        hint="Try again later.",
        status=503,
    )
