// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

/// @title Where the description of a challenge is, and what it hashes to.
/// @notice The hash lets anyone check a document that a gateway hands out. The registrar may write an
/// entry again, since documents are pinned anew; every version stays in the log.
contract MetadataRegistry is AccessControl {
    struct Entry {
        string uri;
        bytes32 contentHash;
    }

    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");

    event MetadataSet(uint256 indexed id, string uri, bytes32 contentHash);

    error EmptyEntry();

    mapping(uint256 id => Entry) private _entries;

    constructor(address admin, address registrar) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(REGISTRAR_ROLE, registrar);
    }

    function setMetadata(uint256 id, string calldata uri, bytes32 contentHash) external onlyRole(REGISTRAR_ROLE) {
        if (bytes(uri).length == 0 || contentHash == 0) revert EmptyEntry();
        _entries[id] = Entry(uri, contentHash);
        emit MetadataSet(id, uri, contentHash);
    }

    /// @notice An empty uri and a zero hash where nothing was set.
    function metadata(uint256 id) external view returns (string memory uri, bytes32 contentHash) {
        Entry storage entry = _entries[id];
        return (entry.uri, entry.contentHash);
    }
}
