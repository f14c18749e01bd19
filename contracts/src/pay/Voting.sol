// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ledger} from "./Ledger.sol";

/// @title Validators put up a stake and vote on challenges; the first side with a quorum decides.
/// @notice Those who voted for what was decided share the fee equally. A stake stays while a vote of
/// its validator is open. Stakes are not slashed: they make votes scarce, not honest, so only those
/// whom the admin trusts vote; anybody else could be a quorum of his own, and earn the fee.
abstract contract Voting is Ledger {
    event ValidatorStaked(address indexed validator, uint256 amount);
    event ValidatorUnstaked(address indexed validator, uint256 amount);
    event Voted(uint256 indexed id, address indexed validator, bool approve);
    event Approved(uint256 indexed id);
    event Rejected(uint256 indexed id);

    error StakeTooSmall(uint256 needed);
    error AlreadyVoted();

    mapping(address validator => uint256) public validatorStake;
    /// @notice Votes of a validator on challenges that are still pending.
    mapping(address validator => uint256) public openVotes;

    function stakeValidator() external payable {
        if (msg.value == 0) revert ZeroAmount();
        validatorStake[msg.sender] += msg.value;
        emit ValidatorStaked(msg.sender, msg.value);
    }

    function unstakeValidator(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        uint256 held = validatorStake[msg.sender];
        uint256 needed = openVotes[msg.sender] > 0 ? minValidatorStake : 0;
        if (amount > held || held - amount < needed) revert StakeTooSmall(needed);
        validatorStake[msg.sender] = held - amount;
        emit ValidatorUnstaked(msg.sender, amount);
        _pay(msg.sender, amount);
    }

    function approve(uint256 id) external nonReentrant {
        Challenge storage open = _vote(id, FOR);
        if (++open.approvals < quorum) return;
        uint256 rest = _decide(open, Status.Approved);
        emit Approved(id);
        _toTreasury(id, rest);
    }

    function reject(uint256 id) external nonReentrant {
        Challenge storage open = _vote(id, AGAINST);
        if (++open.rejections < quorum) return;
        uint256 rest = _decide(open, Status.Rejected);
        emit Rejected(id);
        _toTreasury(id, rest);
    }

    function _vote(uint256 id, uint8 side) private returns (Challenge storage open) {
        _checkRole(VALIDATOR_ROLE);
        open = _at(id, Status.Pending);
        if (block.timestamp >= open.endsAt) revert TooLate();
        if (validatorStake[msg.sender] < minValidatorStake) revert StakeTooSmall(minValidatorStake);
        Seat storage seat = seats[id][msg.sender];
        if (seat.vote != 0) revert AlreadyVoted();
        seat.vote = side;
        openVotes[msg.sender]++;
        open.voters.push(msg.sender);
        emit Voted(id, msg.sender, side == FOR);
    }

    /// @dev A quorum of validators decided, exactly: the deciding vote is the last. Returns what the
    /// division of the fee leaves.
    function _decide(Challenge storage open, Status status) private returns (uint256 rest) {
        open.status = status;
        open.fee = open.pot * validatorFeeBps / WHOLE_BPS;
        open.feeShare = open.fee / quorum;
        _closeVotes(open);
        return open.fee - open.feeShare * quorum;
    }

    /// @dev At most 2 * QUORUM_MAX - 1 voters, so this cannot outgrow a block.
    function _closeVotes(Challenge storage open) internal {
        for (uint256 i = 0; i < open.voters.length; i++) openVotes[open.voters[i]]--;
        delete open.voters;
    }
}
