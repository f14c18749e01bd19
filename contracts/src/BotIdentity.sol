// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title Who a bot is: one token an identity; whoever holds it speaks for the bot.
/// @notice The owner chooses token ids, so that a mint that is sent twice reverts the second time.
/// Receivers are not called back: a mint of many cannot be stopped by one of them.
contract BotIdentity is ERC721, Ownable2Step, IERC4906 {
    /// @notice An identity that was burned never comes back under another holder.
    error Retired(uint256 tokenId);

    mapping(uint256 tokenId => bool) private _retired;
    string private _base;

    constructor(address owner, string memory base) ERC721("Agon Bot Identity", "AGONBOT") Ownable(owner) {
        _base = base;
    }

    function mint(address to, uint256 tokenId) external onlyOwner {
        _mintOnce(to, tokenId);
    }

    /// @notice Mint firstTokenId, firstTokenId + 1, … to these receivers, in their order.
    function batchMint(address[] calldata to, uint256 firstTokenId) external onlyOwner {
        for (uint256 i = 0; i < to.length; i++) _mintOnce(to[i], firstTokenId + i);
    }

    /// @notice The holder, or whom the holder approved, ends the identity for good.
    function burn(uint256 tokenId) external {
        _retired[tokenId] = true;
        _update(address(0), tokenId, _msgSender());
    }

    /// @notice Where documents of identities are: base, followed by the token id.
    function setBase(string calldata base) external onlyOwner {
        _base = base;
        emit BatchMetadataUpdate(0, type(uint256).max);
    }

    function supportsInterface(bytes4 id) public view override(ERC721, IERC165) returns (bool) {
        return id == bytes4(0x49064906) || super.supportsInterface(id);
    }

    function _mintOnce(address to, uint256 tokenId) private {
        if (_retired[tokenId]) revert Retired(tokenId);
        _mint(to, tokenId);
    }

    function _baseURI() internal view override returns (string memory) {
        return _base;
    }
}
