"""Fixtures: one chain with all contracts, as it was, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contracts.deployed import World, deploy
from tests.standins.anvil import anvil


@pytest.fixture(scope="session")
async def contracts() -> AsyncIterator[World]:
    """All contracts of the plan, deployed once."""
    async with anvil() as node:
        yield await deploy(node)


@pytest.fixture
async def world(contracts: World) -> AsyncIterator[World]:
    """All contracts, with nothing done to them; what the test does is undone."""
    async with contracts.undone():
        yield contracts
