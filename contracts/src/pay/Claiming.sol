// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ledger} from "./Ledger.sol";

/// @title Everybody takes what is theirs, each kind once.
/// @notice Each claim returns its amount, so calling it without sending tells what it would pay.
abstract contract Claiming is Ledger {
    uint8 private constant PRINCIPAL = 1;
    uint8 private constant CASHBACK = 2;
    uint8 private constant VALIDATOR = 4;
    uint8 private constant VALIDATOR_REJECT = 8;
    uint8 private constant REJECT_CREATOR = 16;
    uint8 private constant REJECT_CONTRIBUTION = 32;

    event PrincipalClaimed(uint256 indexed id, address indexed who, uint256 amount);
    event CashbackClaimed(uint256 indexed id, address indexed who, uint256 amount);
    event ValidatorClaimed(uint256 indexed id, address indexed who, uint256 amount);
    event ValidatorRejectClaimed(uint256 indexed id, address indexed who, uint256 amount);
    event RejectCreatorClaimed(uint256 indexed id, address indexed who, uint256 amount);
    event RejectContributionClaimed(uint256 indexed id, address indexed who, uint256 amount);

    error NothingToClaim();
    error AlreadyClaimed();

    /// @notice A winner's own stake, and an equal share of the prize.
    function claimPrincipal(uint256 id) external nonReentrant returns (uint256 amount) {
        Challenge storage closed = _at(id, Status.Finalized);
        bool won = closed.outcome == SUCCESS && seats[id][msg.sender].won;
        amount = _once(id, PRINCIPAL, won ? closed.stake + closed.prizeShare : 0);
        emit PrincipalClaimed(id, msg.sender, amount);
        _pay(msg.sender, amount);
    }

    /// @notice The part of a loser's stake that comes back.
    function claimCashback(uint256 id) external nonReentrant returns (uint256 amount) {
        Challenge storage closed = _at(id, Status.Finalized);
        Seat storage seat = seats[id][msg.sender];
        bool lost = seat.joined && !(closed.outcome == SUCCESS && seat.won);
        amount = _once(id, CASHBACK, lost ? _cashback(closed) : 0);
        emit CashbackClaimed(id, msg.sender, amount);
        _pay(msg.sender, amount);
    }

    /// @notice The fee of a validator who approved what was approved, whatever became of it later.
    function claimValidator(uint256 id) external nonReentrant returns (uint256 amount) {
        amount = _once(id, VALIDATOR, _feeOf(id, FOR));
        emit ValidatorClaimed(id, msg.sender, amount);
        _pay(msg.sender, amount);
    }

    /// @notice The fee of a validator who rejected what was rejected.
    function claimValidatorReject(uint256 id) external nonReentrant returns (uint256 amount) {
        amount = _once(id, VALIDATOR_REJECT, _feeOf(id, AGAINST));
        emit ValidatorRejectClaimed(id, msg.sender, amount);
        _pay(msg.sender, amount);
    }

    /// @notice The pot of a challenge that did not take place, without what validators earned.
    function claimRejectCreator(uint256 id) external nonReentrant returns (uint256 amount) {
        Challenge storage off = _calledOff(id);
        amount = _once(id, REJECT_CREATOR, off.creator == msg.sender ? off.pot - off.fee : 0);
        emit RejectCreatorClaimed(id, msg.sender, amount);
        _pay(msg.sender, amount);
    }

    /// @notice The whole stake in a challenge that did not take place.
    function claimRejectContribution(uint256 id) external nonReentrant returns (uint256 amount) {
        Challenge storage off = _calledOff(id);
        amount = _once(id, REJECT_CONTRIBUTION, seats[id][msg.sender].joined ? off.stake : 0);
        emit RejectContributionClaimed(id, msg.sender, amount);
        _pay(msg.sender, amount);
    }

    /// @dev Zero while nothing is decided, and for whoever did not vote for what was decided.
    function _feeOf(uint256 id, uint8 side) private view returns (uint256) {
        Challenge storage decided = _challenges[id];
        uint16 votes = side == FOR ? decided.approvals : decided.rejections;
        return votes >= quorum && seats[id][msg.sender].vote == side ? decided.feeShare : 0;
    }

    function _calledOff(uint256 id) private view returns (Challenge storage off) {
        off = _challenges[id];
        if (off.status != Status.Rejected && off.status != Status.Canceled) revert WrongStatus(off.status);
    }

    function _once(uint256 id, uint8 kind, uint256 amount) private returns (uint256) {
        if (amount == 0) revert NothingToClaim();
        Seat storage seat = seats[id][msg.sender];
        if (seat.claimed & kind != 0) revert AlreadyClaimed();
        seat.claimed |= kind;
        return amount;
    }
}
