"""Result bundles: what was decided, from what, by which rules, in bytes that anyone recomputes.

A bundle is ``{kind, version, inputs, rules, output}`` in canonical JSON (RFC 8785); its CID is its
name. A kind of result is one pure function ``recompute(inputs, rules) -> output``. Values are
objects, lists, strings, integers, true, false and null. Floats are refused, and integers beyond
53 bits too, since RFC 8785 writes numbers as doubles: wei and other large numbers are strings.

An input may be too large to stand in the bundle. Then it is attached: {"attached": [cid, ...]}
stands in its place, and its canonical JSON, cut into files of ATTACHMENT_BYTES_MAX, lies beside the
bundle under these names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import Any

from agon.kernel import cid
from agon.kernel.canonical import DEPTH_MAX, canonical, step
from agon.kernel.errors import refuse

BUNDLE_BYTES_MAX = 64 * 1024 * 1024
INLINE_BYTES_MAX = 48 * 1024 * 1024
"""Inputs of more bytes have those attached that may be."""
ATTACHMENT_BYTES_MAX = 32 * 1024 * 1024
DIFFERENCES_MAX = 100
"""Differences that one verification lists."""
DIFFERENCE_CHARS_MAX = 200
"""Characters of each value in a difference."""
_KEYS = ("inputs", "kind", "output", "rules", "version")
_ATTACHED = "attached"
_ABSENT = object()
Recompute = Callable[[Any, Any], Any]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of result. recompute(inputs, rules) -> output: no I/O, no clock, no randomness."""

    name: str
    version: int
    recompute: Recompute


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """cid: the name of data; data: the bundle's bytes; output: what recompute answered;
    attachments: the files beside it, by their names."""

    cid: str
    data: bytes
    output: Any
    attachments: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """pointer: RFC 6901, into the output; values as JSON, cut short, None where there is none."""

    pointer: str
    stored: str | None
    recomputed: str | None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """ok: the output is reproduced and the name is the expected one.

    cid: the name that the bytes have; kind, version: what was recomputed; differences: at most
    DIFFERENCES_MAX, and none where only the name differs.
    """

    ok: bool
    cid: str
    kind: str
    version: int
    differences: tuple[Difference, ...]


def bundle(kind: Kind, inputs: Any, rules: Any, attachable: Sequence[str] = ()) -> Bundle:
    """Decides by the kind's function and binds the answer to what it came from.

    The function sees the inputs as a verifier will: read back from their bytes. attachable: keys
    of inputs that are attached where the inputs are large. Refused: `result_value_malformed`
    (inputs, rules or output), `result_large`.
    """
    levels_max = DEPTH_MAX - 1  # the bundle itself is one
    inputs_json, rules_json = canonical(inputs, levels_max), canonical(rules, levels_max)
    output = kind.recompute(json.loads(inputs_json), json.loads(rules_json))
    attachments: dict[str, bytes] = {}
    if attachable and len(inputs_json) > INLINE_BYTES_MAX:
        left = dict(inputs)
        for key in attachable:
            parts = _parts(canonical(inputs[key], levels_max - 1))
            left[key] = {_ATTACHED: [name for name, _ in parts]}
            attachments.update(parts)
        inputs_json = canonical(left)
    parts = (inputs_json, canonical(kind.name), canonical(output, levels_max), rules_json)
    data = b'{"inputs":%b,"kind":%b,"output":%b,"rules":%b' % parts
    data += b',"version":%d}' % kind.version
    _check_size(data)
    return Bundle(cid=cid.of_bytes(data), data=data, output=output, attachments=attachments)


def load(data: bytes) -> dict[str, Any]:
    """The bundle in these bytes: {kind, version, inputs, rules, output}, in canonical form only.

    Refused: `result_large`, `result_malformed` (not JSON, or not a bundle),
    `result_value_malformed` (floats, large integers), `result_not_canonical` (other spaces, order,
    escapes or doubled keys).
    """
    _check_size(data)
    try:
        document = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise refuse(
            "result_malformed",
            "This is not a result: the bytes are not JSON.",
            details=str(error)[:DIFFERENCE_CHARS_MAX],
            hint="Fetch the file again; it may be cut off.",
        ) from error
    if not _is_bundle(document):
        raise refuse(
            "result_malformed",
            "This is not a result: it has another shape.",
            hint="A result has the keys kind (text), version (integer), inputs, rules and output.",
        )
    if canonical(document) != data:
        raise refuse(
            "result_not_canonical",
            "The bytes are not the canonical JSON of what they say.",
            hint="Use the file as it was exported: RFC 8785, no spaces, keys in order and once.",
        )
    return document


def attached_to(document: Mapping[str, Any]) -> list[str]:
    """The names of the files that belong to a bundle, as `load` reads it."""
    inputs = document["inputs"]
    values = inputs.values() if isinstance(inputs, dict) else ()
    return [name for value in values if _is_attached(value) for name in value[_ATTACHED]]


def verify(
    data: bytes,
    kinds: Mapping[tuple[str, int], Kind],
    expected_cid: str | None = None,
    attachments: Mapping[str, bytes] | None = None,
) -> Verification:
    """Recomputes a bundle's output and compares. attachments: the files beside it, by their names.

    Refused: as `load`; `result_kind_unknown`; `attachment_missing`, `attachment_malformed`;
    `result_inputs_malformed`, with the cause, where the function cannot read the inputs or rules.
    """
    document = load(data)
    kind = _kind_of(document, kinds)
    if attached_to(document):
        document["inputs"] = _whole(document["inputs"], attachments or {})
    stored = canonical(document["output"])
    recomputed = _recomputed(kind, document)
    differences: tuple[Difference, ...] = ()
    if recomputed != stored:
        found = _differences(json.loads(stored), json.loads(recomputed))
        differences = tuple(islice(found, DIFFERENCES_MAX))
    name = cid.of_bytes(data)
    return Verification(
        ok=recomputed == stored and expected_cid in (None, name),
        cid=name,
        kind=kind.name,
        version=kind.version,
        differences=differences,
    )


def _kind_of(document: dict[str, Any], kinds: Mapping[tuple[str, int], Kind]) -> Kind:
    key = (document["kind"], document["version"])
    if key not in kinds:
        known = ", ".join(f"{name} {version}" for name, version in sorted(kinds))
        raise refuse(
            "result_kind_unknown",
            "This version of Agon cannot recompute such a result.",
            details=f"It is {key[0]} {key[1]}; known are {known or 'none'}."[:1000],
            hint="Use the version of Agon that wrote it, or a newer one.",
        )
    return kinds[key]


def _recomputed(kind: Kind, document: dict[str, Any]) -> bytes:
    try:
        return canonical(kind.recompute(document["inputs"], document["rules"]))
    except Exception as error:
        # The inputs may be anybody's: whatever the function stumbles over is theirs, and is said.
        raise refuse(
            "result_inputs_malformed",
            "The result cannot be recomputed from its inputs and rules.",
            details=repr(error)[:DIFFERENCE_CHARS_MAX],
            hint=f"A true {kind.name} result has inputs that its function can read.",
        ) from error


def _parts(data: bytes) -> list[tuple[str, bytes]]:
    """An attached value's bytes as files with their names, in order."""
    cut = range(0, len(data), ATTACHMENT_BYTES_MAX)
    files = [data[start : start + ATTACHMENT_BYTES_MAX] for start in cut]
    return [(cid.of_bytes(part), part) for part in files]


def _is_attached(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and list(value) == [_ATTACHED]
        and isinstance(value[_ATTACHED], list)
        and all(isinstance(name, str) for name in value[_ATTACHED])
    )


def _whole(inputs: Mapping[str, Any], attachments: Mapping[str, bytes]) -> dict[str, Any]:
    """The inputs with what is attached in its place."""
    return {
        key: _joined(value[_ATTACHED], attachments) if _is_attached(value) else value
        for key, value in inputs.items()
    }


def _joined(names: Sequence[str], attachments: Mapping[str, bytes]) -> Any:
    for name in names:
        if name not in attachments:
            raise refuse(
                "attachment_missing",
                f"A file of this result is missing: {name}.",
                hint="Put it beside the result, under this name.",
                status=404,
            )
        if cid.of_bytes(attachments[name]) != name:
            raise refuse("attachment_malformed", f"These are not the bytes of {name}.")
    try:
        return json.loads(b"".join(attachments[name] for name in names))
    except (ValueError, RecursionError) as error:
        raise refuse(
            "attachment_malformed",
            "What is attached to this result is not JSON.",
            details=str(error)[:DIFFERENCE_CHARS_MAX],
        ) from error


def _is_bundle(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and sorted(document) == list(_KEYS)
        and isinstance(document["kind"], str)
        and type(document["version"]) is int
    )


def _check_size(data: bytes) -> None:
    if len(data) > BUNDLE_BYTES_MAX:
        raise refuse(
            "result_large",
            "The result is too large.",
            details=f"{len(data)} bytes, the limit is {BUNDLE_BYTES_MAX}.",
            hint="Let the inputs carry the hashes of large files, not the files.",
            status=413,
        )


def _differences(stored: Any, recomputed: Any, pointer: str = "") -> Iterator[Difference]:
    """Depth first, keys in order; both come from canonical JSON."""
    if isinstance(stored, dict) and isinstance(recomputed, dict):
        for key in sorted(stored.keys() | recomputed.keys()):
            pair = stored.get(key, _ABSENT), recomputed.get(key, _ABSENT)
            yield from _differences(*pair, pointer + step(key))
    elif isinstance(stored, list) and isinstance(recomputed, list):
        for index, pair in enumerate(zip_longest(stored, recomputed, fillvalue=_ABSENT)):
            yield from _differences(*pair, pointer + step(str(index)))
    elif type(stored) is not type(recomputed) or stored != recomputed:  # in Python True == 1
        yield Difference(pointer=pointer, stored=_shown(stored), recomputed=_shown(recomputed))


def _shown(value: Any) -> str | None:
    return None if value is _ABSENT else canonical(value).decode()[:DIFFERENCE_CHARS_MAX]
