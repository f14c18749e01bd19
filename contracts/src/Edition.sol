// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title The work of an epoch, as one token.
/// @notice The token id is the epoch's number, so an epoch has one edition, whatever our database says.
contract Edition is ERC721, AccessControl {
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    error AlreadyMinted(uint256 epoch);
    error EmptyUri();

    mapping(uint256 epoch => string) private _uris;

    constructor(address admin, address minter) ERC721("Agon Edition", "AGONED") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(MINTER_ROLE, minter);
    }

    /// @param uri Of the edition's document; it is fixed, as its epoch is over.
    function mint(uint256 epoch, address to, string calldata uri) external onlyRole(MINTER_ROLE) {
        if (bytes(uri).length == 0) revert EmptyUri();
        if (_ownerOf(epoch) != address(0)) revert AlreadyMinted(epoch);
        _uris[epoch] = uri;
        _mint(to, epoch);
    }

    function tokenURI(uint256 epoch) public view override returns (string memory) {
        _requireOwned(epoch);
        return _uris[epoch];
    }

    function supportsInterface(bytes4 id) public view override(ERC721, AccessControl) returns (bool) {
        return super.supportsInterface(id);
    }
}
