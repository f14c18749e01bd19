// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A wallet that is a contract, for tests: what its owner's key signed, it signed (EIP-1271).
contract ContractWallet is IERC1271 {
    address public immutable owner;

    error NotTheOwner();

    constructor(address owner_) {
        owner = owner_;
    }

    /// @notice A foreign signature gets another word as its answer, and one of no form a revert.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (signature.length < 65) revert NotTheOwner();
        return ECDSA.recover(hash, signature[:65]) == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
