"""Calls of contracts as bytes, and what a contract answers: the ABI of Solidity. Pure.

Values are Python's: int, bool, str, bytes, sequences, and tuples for structs. Addresses come back
in lower case. https://docs.soliditylang.org/en/latest/abi-spec.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from agon.commons.chain.artifacts import Artifact, Entry

SELECTOR_BYTES = 4
ERROR = ("Error(string)", ("string",))
PANIC = ("Panic(uint256)", ("uint256",))
PANICS = {
    0x01: "an assertion does not hold",
    0x11: "arithmetic overflows",
    0x12: "division by zero",
    0x21: "a value is not of its enum",
    0x31: "an empty array has nothing to pop",
    0x32: "an index is out of bounds",
    0x41: "too much memory is asked for",
}


def encode(contract: Artifact, function: str, *arguments: Any) -> bytes:
    """The data of a call. Raises LookupError where the contract has no such function."""
    entry = _function(contract, function, len(arguments))
    return selector(signature(entry)) + _encode(_types(entry["inputs"]), arguments)


def encode_deployment(contract: Artifact, *arguments: Any) -> bytes:
    """The data of the transaction that makes the contract."""
    entries = (entry for entry in contract.abi if entry["type"] == "constructor")
    inputs = next(entries, {"inputs": ()})["inputs"]
    return contract.bytecode + _encode(_types(inputs), arguments)


def decode(contract: Artifact, function: str, data: bytes) -> tuple[Any, ...]:
    """What a call of this function returned."""
    return _decode(_types(_function(contract, function, None)["outputs"]), data)


def explain(contract: Artifact, revert_data: str) -> str:
    """Why the contract reverted: `ChallengePay: WrongStatus(3)`. revert_data: hex, maybe empty."""
    from eth_abi.exceptions import DecodingError  # loads a library of its own

    data = bytes.fromhex(revert_data.removeprefix("0x"))
    for name, types in _errors(contract):
        if data[:SELECTOR_BYTES] != selector(name):
            continue
        try:
            said = _say(name, _decode(types, data[SELECTOR_BYTES:]))
        except DecodingError:
            break  # a contract may answer anything
        return f"{contract.name}: {said}"
    return f"{contract.name}: reverted" + (f" with 0x{data.hex()}" if data else "")


def signature(entry: Entry) -> str:
    """`transfer(address,uint256)`: a function's, event's or error's name with its types."""
    return f"{entry['name']}({','.join(_types(entry['inputs']))})"


@cache
def selector(text: str) -> bytes:
    """The four bytes that a signature is called by."""
    from eth_utils import keccak  # loads a library of its own

    return keccak(text=text)[:SELECTOR_BYTES]


def _function(contract: Artifact, name: str, arity: int | None) -> Entry:
    """Some functions share their name (safeTransferFrom): the number of arguments tells which."""
    for entry in contract.abi:
        fits = arity is None or len(entry.get("inputs", ())) == arity
        if entry["type"] == "function" and entry["name"] == name and fits:
            return entry
    raise LookupError(f"{contract.name} has no function {name} of {arity} arguments")


def _errors(contract: Artifact) -> Iterator[tuple[str, Sequence[str]]]:
    yield from (ERROR, PANIC)
    for entry in contract.abi:
        if entry["type"] == "error":
            yield signature(entry), _types(entry["inputs"])


def _say(name: str, values: tuple[Any, ...]) -> str:
    if name == ERROR[0]:
        return values[0]
    if name == PANIC[0]:
        return PANICS.get(values[0], f"panic {values[0]:#x}")
    shown = ("0x" + value.hex() if isinstance(value, bytes) else str(value) for value in values)
    return f"{name.partition('(')[0]}({', '.join(shown)})"


def _types(inputs: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(_type(each) for each in inputs)


def _type(entry: Entry) -> str:
    """A struct is written as the tuple of its members' types."""
    if not entry["type"].startswith("tuple"):
        return entry["type"]
    return f"({','.join(_types(entry['components']))})" + entry["type"].removeprefix("tuple")


def _encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    from eth_abi import encode as encode_values  # loads a library of its own

    return encode_values(types, values)


def _decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    from eth_abi import decode as decode_values  # loads a library of its own

    return decode_values(types, data)
