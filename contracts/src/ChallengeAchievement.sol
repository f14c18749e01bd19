// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC5192} from "./IERC5192.sol";

/// @title What somebody achieved: tokens that stay with whom they were given to (ERC-5192).
/// @notice One token for each (challenge, recipient, type): a mint that is sent twice reverts the second
/// time. Types: 0 completion, 1 victory. Tokens are numbered from 1.
contract ChallengeAchievement is ERC721, AccessControl, IERC5192 {
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");
    uint8 public constant TYPE_MAX = 1;

    event AchievementMinted(
        uint256 indexed tokenId, uint256 indexed challengeId, address indexed recipient, uint8 aType
    );
    event AdminMinted(uint256 indexed tokenId, address indexed to, uint256 indexed challengeId);

    error AlreadyMinted(uint256 tokenId);
    error UnknownType(uint8 aType);
    error Soulbound();

    /// @notice The token of (challenge, recipient, type); zero where there is none.
    mapping(uint256 challengeId => mapping(address recipient => mapping(uint8 aType => uint256))) public tokenOf;
    /// @notice How many tokens there are, and the number of the newest.
    uint256 public count;
    string private _base;

    constructor(address admin, address minter, string memory base) ERC721("Agon Achievement", "AGONACH") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(MINTER_ROLE, minter);
        _base = base;
    }

    function mint(address recipient, uint256 challengeId, uint8 aType)
        external
        onlyRole(MINTER_ROLE)
        returns (uint256 tokenId)
    {
        if (aType > TYPE_MAX) revert UnknownType(aType);
        uint256 known = tokenOf[challengeId][recipient][aType];
        if (known != 0) revert AlreadyMinted(known);
        tokenId = _mintLocked(recipient);
        tokenOf[challengeId][recipient][aType] = tokenId;
        emit AchievementMinted(tokenId, challengeId, recipient, aType);
    }

    /// @notice An honour that no rule gives, as often as the admin likes.
    function adminMint(address to, uint256 challengeId)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
        returns (uint256 tokenId)
    {
        tokenId = _mintLocked(to);
        emit AdminMinted(tokenId, to, challengeId);
    }

    /// @inheritdoc IERC5192
    function locked(uint256 tokenId) external view returns (bool) {
        _requireOwned(tokenId);
        return true;
    }

    function supportsInterface(bytes4 id) public view override(ERC721, AccessControl) returns (bool) {
        return id == type(IERC5192).interfaceId || super.supportsInterface(id);
    }

    function _mintLocked(address to) private returns (uint256 tokenId) {
        tokenId = ++count;
        _mint(to, tokenId);
        emit Locked(tokenId);
    }

    /// @dev Every transfer ends here; approvals may be written, and lead nowhere.
    function _update(address to, uint256 tokenId, address auth) internal override returns (address from) {
        from = super._update(to, tokenId, auth);
        if (from != address(0)) revert Soulbound();
    }

    function _baseURI() internal view override returns (string memory) {
        return _base;
    }
}
