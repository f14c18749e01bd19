// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ledger} from "./Ledger.sol";

/// @title The finalizer proves a result, names the winners, and closes the challenge.
/// @notice Success: what losers do not get back and the pot without its fee are shared by the winners.
/// Fail: everybody lost, and what they do not get back goes to the treasury with the pot.
abstract contract Settling is Ledger {
    event ProofSubmitted(uint256 indexed id, bytes32 resultHash);
    event WinnersMarked(uint256 indexed id, uint256 count);
    event Finalized(uint256 indexed id, uint8 status, uint8 outcome);

    error EmptyProof();
    error AlreadyProved();
    error NotProved();
    error NotAParticipant(address who);
    error AlreadyMarked(address who);
    error NoWinners();
    error UnknownOutcome(uint8 outcome);

    /// @param resultHash Of the result that anyone can recompute; a challenge has one.
    function submitProof(uint256 id, bytes32 resultHash) external onlyRole(FINALIZER_ROLE) {
        Challenge storage open = _at(id, Status.Approved);
        if (resultHash == 0) revert EmptyProof();
        if (open.resultHash != 0) revert AlreadyProved();
        open.resultHash = resultHash;
        emit ProofSubmitted(id, resultHash);
    }

    /// @notice Batch by batch; the event tells how many this batch has.
    function markWinners(uint256 id, address[] calldata who) external onlyRole(FINALIZER_ROLE) {
        Challenge storage open = _at(id, Status.Approved);
        if (who.length == 0) revert NoWinners();
        for (uint256 i = 0; i < who.length; i++) {
            Seat storage seat = seats[id][who[i]];
            if (!seat.joined) revert NotAParticipant(who[i]);
            if (seat.won) revert AlreadyMarked(who[i]);
            seat.won = true;
        }
        open.winners += uint32(who.length);
        emit WinnersMarked(id, who.length);
    }

    /// @param outcome SUCCESS or FAIL. A failure has no winners: marks that were set do not count.
    function finalize(uint256 id, uint8 outcome) external nonReentrant onlyRole(FINALIZER_ROLE) {
        if (outcome != SUCCESS && outcome != FAIL) revert UnknownOutcome(outcome);
        Challenge storage open = _at(id, Status.Approved);
        if (open.resultHash == 0) revert NotProved();
        uint256 winners = outcome == SUCCESS ? open.winners : 0;
        if (outcome == SUCCESS && winners == 0) revert NoWinners();
        uint256 lost = (open.participants - winners) * (open.stake - _cashback(open));
        uint256 rest = open.pot - open.fee + lost;
        if (winners > 0) {
            open.prizeShare = rest / winners;
            rest -= open.prizeShare * winners;
        }
        open.status = Status.Finalized;
        open.outcome = outcome;
        emit Finalized(id, uint8(Status.Finalized), outcome);
        _toTreasury(id, rest);
    }
}
