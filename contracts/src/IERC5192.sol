// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Tokens that cannot be moved (ERC-5192). Its interface id is 0xb45a3c0e.
interface IERC5192 {
    event Locked(uint256 tokenId);
    event Unlocked(uint256 tokenId);

    /// @notice Whether the token is bound to its holder; reverts where there is no such token.
    function locked(uint256 tokenId) external view returns (bool);
}
