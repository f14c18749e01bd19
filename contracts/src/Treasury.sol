// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

/// @title Money in buckets, given out by grants that receivers pull.
/// @notice A bucket has the id of the challenge that its money comes from; bucket 1 is for validators
/// (challenges begin at 2). What lies in a bucket is either free or granted: a grant moves it, a
/// claim pays it out, and neither can take from another bucket. The zero token stands for ether.
contract Treasury is AccessControl, ReentrancyGuard {
    using SafeERC20 for IERC20;

    bytes32 public constant PAYER_ROLE = keccak256("PAYER_ROLE");
    uint256 public constant VALIDATOR_BUCKET = 1;
    address private constant ETHER = address(0);

    event Deposited(uint256 indexed bucketId, address indexed from, uint256 amount);
    event DepositedERC20(uint256 indexed bucketId, address indexed token, address indexed from, uint256 amount);
    event GrantETH(uint256 indexed bucketId, address indexed to, uint256 amount);
    event GrantERC20(uint256 indexed bucketId, address indexed token, address indexed to, uint256 amount);
    event ClaimedETH(uint256 indexed bucketId, address indexed to, uint256 amount);
    event ClaimedERC20(uint256 indexed bucketId, address indexed token, address indexed to, uint256 amount);

    error ZeroAmount();
    error ZeroAddress();
    error BucketTooSmall(uint256 free);
    error NothingToClaim();
    error PaymentFailed();

    /// @notice What no grant has taken yet.
    mapping(uint256 bucketId => mapping(address token => uint256)) public free;
    /// @notice What a receiver was granted and has not claimed.
    mapping(uint256 bucketId => mapping(address token => mapping(address to => uint256))) public granted;

    constructor(address admin, address payer) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAYER_ROLE, payer);
    }

    function deposit(uint256 bucketId) external payable {
        if (msg.value == 0) revert ZeroAmount();
        free[bucketId][ETHER] += msg.value;
        emit Deposited(bucketId, msg.sender, msg.value);
    }

    /// @notice Counts what arrived: some tokens keep a part of each transfer.
    function depositERC20(uint256 bucketId, address token, uint256 amount) external nonReentrant {
        if (token == ETHER) revert ZeroAddress();
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = IERC20(token).balanceOf(address(this)) - before;
        if (arrived == 0) revert ZeroAmount();
        free[bucketId][token] += arrived;
        emit DepositedERC20(bucketId, token, msg.sender, arrived);
    }

    function grantETH(uint256 bucketId, address to, uint256 amount) external onlyRole(PAYER_ROLE) {
        _grant(bucketId, ETHER, to, amount);
        emit GrantETH(bucketId, to, amount);
    }

    function grantERC20(uint256 bucketId, address token, address to, uint256 amount) external onlyRole(PAYER_ROLE) {
        if (token == ETHER) revert ZeroAddress();
        _grant(bucketId, token, to, amount);
        emit GrantERC20(bucketId, token, to, amount);
    }

    /// @notice Pay the caller all that was granted from this bucket.
    function claimETH(uint256 bucketId) external nonReentrant returns (uint256 amount) {
        amount = _take(bucketId, ETHER);
        emit ClaimedETH(bucketId, msg.sender, amount);
        (bool paid,) = msg.sender.call{value: amount}("");
        if (!paid) revert PaymentFailed();
    }

    function claimERC20(uint256 bucketId, address token) external nonReentrant returns (uint256 amount) {
        if (token == ETHER) revert ZeroAddress();
        amount = _take(bucketId, token);
        emit ClaimedERC20(bucketId, token, msg.sender, amount);
        IERC20(token).safeTransfer(msg.sender, amount);
    }

    function _grant(uint256 bucketId, address token, address to, uint256 amount) private {
        if (to == address(0)) revert ZeroAddress();
        if (amount == 0) revert ZeroAmount();
        uint256 left = free[bucketId][token];
        if (amount > left) revert BucketTooSmall(left);
        free[bucketId][token] = left - amount;
        granted[bucketId][token][to] += amount;
    }

    function _take(uint256 bucketId, address token) private returns (uint256 amount) {
        amount = granted[bucketId][token][msg.sender];
        if (amount == 0) revert NothingToClaim();
        delete granted[bucketId][token][msg.sender];
    }
}
