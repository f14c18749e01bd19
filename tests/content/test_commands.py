"""`agon content`: publishing a file and fetching one, as the operator."""

from __future__ import annotations

import asyncio

import pytest

from agon.commons.content import commands as content
from agon.kernel import cid as cids
from agon.kernel import commands
from agon.kernel.errors import Refused
from tests.content.walks import NOTE, glb

PROFILE = cids.UNIXFS_V1_2025.name


@pytest.fixture(autouse=True)
def _here(place, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)


async def said(capsys, command, *arguments: object) -> str:
    """What a command prints; in a thread, since it runs a loop of its own."""
    await asyncio.to_thread(command, *arguments)
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize(("name", "data"), [("a.json", NOTE), ("a.glb", glb()), ("a.odd", b"?")])
async def test_a_file_is_published_and_fetched(api, capsys, tmp_path, name, data):
    path, out = tmp_path / name, tmp_path / "out"
    path.write_bytes(data)
    cid = await said(capsys, content.publish_file, path, None, PROFILE)
    assert cid == cids.of_bytes(data)
    assert (await api.get(f"/ipfs/{cid}")).content == data
    await said(capsys, content.fetch_file, cid, out)
    assert out.read_bytes() == data


async def test_what_is_not_held_and_what_is_no_profile_is_refused(capsys, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(NOTE)
    for call, code in (
        ((content.publish_file, path, None, "mine"), "profile_unknown"),
        ((content.publish_file, path, "text/", PROFILE), "content_type_malformed"),
        ((content.fetch_file, cids.of_bytes(b"?"), path), "content_missing"),
    ):
        with pytest.raises(Refused) as refused:
            await said(capsys, *call)
        assert refused.value.refusal.code == code
    assert path.read_bytes() == NOTE
