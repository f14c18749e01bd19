// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Treasury} from "./Treasury.sol";
import {Claiming} from "./pay/Claiming.sol";
import {Ledger} from "./pay/Ledger.sol";
import {Settling} from "./pay/Settling.sol";
import {Voting} from "./pay/Voting.sol";

/// @title Escrow of challenges: a creator's pot, equal stakes, validators who let it through.
/// @notice Pending -> Approved | Rejected | Canceled; Approved -> Canceled | Finalized. How it is decided
/// stands in Voting, how it ends in Settling, who gets what in Claiming, and what is kept in Ledger.
contract ChallengePay is Voting, Settling, Claiming {
    constructor(address admin, address finalizer, Treasury treasury_, Terms memory terms) Ledger(treasury_, terms) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(FINALIZER_ROLE, finalizer);
    }

    /// @notice The value sent is the pot. contentHash: of the description that the creator gives later.
    function create(uint256 stake, uint64 startsAt, uint64 endsAt, bytes32 contentHash)
        external
        payable
        returns (uint256 id)
    {
        if (msg.value < minPot) revert PotTooSmall(minPot);
        // So far off, adding settleWithin cannot overflow.
        bool fits = startsAt < endsAt && endsAt > block.timestamp && endsAt < type(uint64).max / 2;
        if (!fits) revert WindowMalformed();
        // Where nobody could ever pay the stake, its cashback must not overflow when it is settled.
        if (stake > type(uint128).max) revert StakeTooLarge();
        id = nextId++;
        Challenge storage made = _challenges[id];
        (made.creator, made.status) = (msg.sender, Status.Pending);
        (made.startsAt, made.endsAt) = (startsAt, endsAt);
        (made.stake, made.pot, made.contentHash) = (stake, msg.value, contentHash);
        emit ChallengeCreated(id, msg.sender, stake, msg.value, startsAt, endsAt, contentHash);
    }

    function join(uint256 id) external payable {
        Challenge storage open = _challenges[id];
        if (open.status != Status.Pending && open.status != Status.Approved) revert WrongStatus(open.status);
        if (block.timestamp >= open.endsAt) revert TooLate();
        if (msg.value != open.stake) revert WrongValue(open.stake);
        Seat storage seat = seats[id][msg.sender];
        if (seat.joined) revert AlreadyJoined();
        seat.joined = true;
        open.participants++;
        emit Joined(id, msg.sender, msg.value);
    }

    /// @notice The creator, while it is pending; the admin, once it was approved. Anybody, where it ended
    /// pending, or was not finalized in time: nobody's absence keeps stakes for ever.
    function cancel(uint256 id) external {
        Challenge storage open = _challenges[id];
        if (open.status == Status.Pending) {
            if (msg.sender != open.creator && block.timestamp < open.endsAt) revert NotTheCreator();
        } else if (open.status == Status.Approved) {
            if (block.timestamp < open.endsAt + settleWithin) _checkRole(DEFAULT_ADMIN_ROLE);
        } else {
            revert WrongStatus(open.status);
        }
        open.status = Status.Canceled;
        _closeVotes(open);
        emit Canceled(id);
    }
}
