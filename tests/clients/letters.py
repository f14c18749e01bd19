"""The mail that the auth door sends, as it lies in the home's folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from agon.commons.notifications import folder

ARRIVE_S_MAX = 15
LOOK_EVERY_S = 0.05
LOOK_AT = 200


async def newest(home: Path, email: str, seen: int = 0) -> folder.Kept:
    """The newest mail to an address, once it has more than `seen`."""
    async with asyncio.timeout(ARRIVE_S_MAX):
        while True:
            mails = [one for one in folder.newest(home / "mail", LOOK_AT) if one.to == email]
            if len(mails) > seen:
                return mails[0]
            await asyncio.sleep(LOOK_EVERY_S)


async def follow(link: str) -> tuple[str, dict[str, str]]:
    """Open a mail's link as a browser would: where it leads, and what the address carries."""
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(link, follow_redirects=False)
    assert answer.is_redirect, (answer.status_code, answer.text)
    place = urlsplit(answer.headers["location"])._replace(query="", fragment="").geturl()
    return place, said(answer.headers["location"])


def said(url: str) -> dict[str, str]:
    """What an address carries, before and behind its hash sign."""
    parts = urlsplit(url)
    carried = {**parse_qs(parts.query), **parse_qs(parts.fragment)}
    return {key: values[0] for key, values in carried.items()}
