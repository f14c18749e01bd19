"""Manifests: what an avatar is made of, told by its own files. Pure.

Canonical JSON, so that the same files from the same source have the same manifest. Version 1:
`model` and `preview` {uri, sha256, bytes}, `source` {provider, prompt, uri}, `scene` {generator,
nodes, meshes, textures, materials: [name], animations: [name], skins: [{name, joints}],
extensions: [name]}. Where a model gives no name, it is ''.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from agon.kernel.canonical import canonical

VERSION = 1
NAMES_MAX = 100
"""Of one kind that a manifest lists."""
NAME_CHARACTERS_MAX = 100


def write(
    *,
    model: Mapping[str, Any],
    preview: Mapping[str, Any] | None,
    source: Mapping[str, Any],
    scene: Mapping[str, Any],
) -> bytes:
    """The manifest's bytes. model, preview: as `part` makes them; scene: the model's own JSON."""
    return canonical(
        {
            "kind": "agon.avatar",
            "version": VERSION,
            "model": model,
            "preview": preview,
            "source": source,
            "scene": _told(scene),
        }
    )


def part(cid: str, data: bytes) -> dict[str, Any]:
    """A file as a manifest names it."""
    return {
        "uri": f"ipfs://{cid}",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }


def _told(scene: Mapping[str, Any]) -> dict[str, Any]:
    asset = scene.get("asset")
    return {
        "generator": _text(asset.get("generator") if isinstance(asset, dict) else None),
        "nodes": len(_items(scene, "nodes")),
        "meshes": len(_items(scene, "meshes")),
        "textures": len(_items(scene, "textures")),
        "materials": _names(scene, "materials"),
        "animations": _names(scene, "animations"),
        "skins": [
            {"name": _text(skin.get("name")), "joints": len(_items(skin, "joints"))}
            for skin in _items(scene, "skins")[:NAMES_MAX]
            if isinstance(skin, dict)
        ],
        "extensions": [_text(each) for each in _items(scene, "extensionsUsed")[:NAMES_MAX]],
    }


def _names(scene: Mapping[str, Any], key: str) -> list[str]:
    listed = _items(scene, key)[:NAMES_MAX]
    return [_text(each.get("name")) for each in listed if isinstance(each, dict)]


def _items(scene: Mapping[str, Any], key: str) -> list[Any]:
    found = scene.get(key)
    return found if isinstance(found, list) else []


def _text(value: object) -> str:
    """A name that canonical JSON can hold: half a character becomes '?'."""
    text = value if isinstance(value, str) else ""
    return text[:NAME_CHARACTERS_MAX].encode("utf-8", "replace").decode()
