// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

/// @title Pays an epoch's shares, batch by batch, each batch once.
/// @notice Shares are sent; a receiver that refuses, or needs more gas than a call is given, is
/// credited instead and withdraws later, so nobody can hold up the others. A batch that is sent twice
/// reverts, whatever the sender's database says. The balance is the sum of all credits.
contract EpochPayout is AccessControl, ReentrancyGuard {
    bytes32 public constant PAYER_ROLE = keccak256("PAYER_ROLE");
    uint256 public constant RECEIVERS_MAX = 500;
    /// @notice Enough for a Safe or another proxy to take money, too little for mischief.
    uint256 public constant CALL_GAS = 30_000;
    /// @dev To credit one receiver and go on; with less the batch reverts, and can be sent again.
    uint256 private constant RESERVE_GAS = 60_000;

    event Paid(uint256 indexed epoch, uint256 indexed batch, address indexed to, uint256 amount);
    event Credited(uint256 indexed epoch, uint256 indexed batch, address indexed to, uint256 amount);
    event BatchPushed(uint256 indexed epoch, uint256 indexed batch, uint256 count, uint256 total);
    event Withdrawn(address indexed who, uint256 amount);

    error AlreadyPushed();
    error BatchMalformed();
    error ZeroShare(uint256 position);
    error WrongValue(uint256 needed);
    error TooLittleGas();
    error NothingToWithdraw();
    error PaymentFailed();

    mapping(uint256 epoch => mapping(uint256 batch => bool)) public pushed;
    mapping(address receiver => uint256) public credit;

    constructor(address admin, address payer) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAYER_ROLE, payer);
    }

    /// @notice Pay amounts[i] wei to to[i]. The value sent must be their sum, to the wei.
    function push(uint256 epoch, uint256 batch, address[] calldata to, uint256[] calldata amounts)
        external
        payable
        onlyRole(PAYER_ROLE)
        nonReentrant
    {
        if (pushed[epoch][batch]) revert AlreadyPushed();
        if (to.length == 0 || to.length > RECEIVERS_MAX || to.length != amounts.length) revert BatchMalformed();
        pushed[epoch][batch] = true;
        uint256 total = 0;
        for (uint256 i = 0; i < to.length; i++) {
            if (to[i] == address(0) || amounts[i] == 0) revert ZeroShare(i);
            total += amounts[i];
        }
        if (total != msg.value) revert WrongValue(total);
        for (uint256 i = 0; i < to.length; i++) _payOrCredit(epoch, batch, to[i], amounts[i]);
        emit BatchPushed(epoch, batch, to.length, total);
    }

    /// @notice Pay the caller what could not be sent.
    function withdraw() external nonReentrant returns (uint256 amount) {
        amount = credit[msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        delete credit[msg.sender];
        emit Withdrawn(msg.sender, amount);
        (bool paid,) = msg.sender.call{value: amount}("");
        if (!paid) revert PaymentFailed();
    }

    function _payOrCredit(uint256 epoch, uint256 batch, address to, uint256 amount) private {
        // The EVM hands on less gas than was named where less is left: the receiver would be credited
        // for the sender's thrift.
        if (gasleft() < CALL_GAS + RESERVE_GAS) revert TooLittleGas();
        if (_send(to, amount)) {
            emit Paid(epoch, batch, to, amount);
        } else {
            credit[to] += amount;
            emit Credited(epoch, batch, to, amount);
        }
    }

    /// @dev In assembly, since Solidity would copy whatever the receiver answers, at our cost.
    function _send(address to, uint256 amount) private returns (bool sent) {
        uint256 callGas = CALL_GAS;
        assembly ("memory-safe") {
            sent := call(callGas, to, amount, 0, 0, 0, 0)
        }
    }
}
