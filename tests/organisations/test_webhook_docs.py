"""docs/webhooks.md: its receivers take what Agon sends, and nothing else."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.organisations.webhook_walks import all_delivered, emit, hook, ready, until, working
from tests.standins.webhook_sink import sink

DOCUMENT = Path(__file__).parents[2] / "docs" / "webhooks.md"
OTHER = "whsec_" + "A" * 43 + "="
JS_S_MAX = 20


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    return found


async def told(place):
    """A secret, and the headers and body of a message that was sent."""
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a")
        await emit(place, org, "0xö")
        async with working(place, at):
            await until(place, webhook, all_delivered(1))
        (heard,) = at.heard("/a")
    headers = {name.lower(): value for name, value in heard.headers.items()}
    return webhook["secret"], headers, heard.body


async def test_the_python_example_takes_what_is_sent_and_once(place, capsys):
    secret, headers, body = await told(place)
    names: dict[str, object] = {}
    exec(example("python"), names)
    receive = names["receive"]
    assert [receive(secret, headers, body) for _ in range(2)] == [204, 204]
    assert capsys.readouterr().out.count("member.added") == 1
    assert receive(OTHER, headers, body) == 401
    assert receive(secret, headers, body.replace(b"added", b"adder")) == 401
    assert receive(secret, {**headers, "webhook-timestamp": "1767225600"}, body) == 401


async def test_the_js_example_takes_what_is_sent(place, tmp_path):
    if shutil.which("node") is None:
        pytest.skip("not installed: node")
    secret, headers, body = await told(place)
    text = body.decode()
    cases = [
        [secret, headers, text],
        [OTHER, headers, text],
        [secret, headers, text.replace("added", "adder")],
        [secret, {**headers, "webhook-timestamp": "1767225600"}, text],
        [secret, {**headers, "webhook-signature": "v1"}, text],
    ]
    (tmp_path / "receiver.mjs").write_text(example("js"))
    (tmp_path / "main.mjs").write_text(
        'import { verify } from "./receiver.mjs";\n'
        f"console.log(JSON.stringify({json.dumps(cases)}.map((given) => {{\n"
        "  try { return verify(...given).type; } catch (error) { return error.message; }\n"
        "})));\n"
    )
    said = await asyncio.to_thread(
        subprocess.check_output, ["node", "main.mjs"], cwd=tmp_path, timeout=JS_S_MAX
    )
    stranger = "signed by somebody else"
    refused = [stranger, stranger, "too old, or too new", stranger]
    assert json.loads(said) == ["member.added", *refused]
