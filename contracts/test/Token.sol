// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that keeps a hundredth of each transfer, for tests. Anybody may mint it.
contract Token is ERC20("Test", "TEST") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 kept = from == address(0) || to == address(0) ? 0 : amount / 100;
        if (kept > 0) super._update(from, address(0), kept);
        super._update(from, to, amount - kept);
    }
}
