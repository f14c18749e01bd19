// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {Treasury} from "../Treasury.sol";

/// @title What ChallengePay remembers, under which terms, and the two ways that money leaves it.
/// @notice At all times: balance == what can still be claimed + what validators have staked.
/// Shares are rounded down; what rounding leaves goes to the treasury at once, so nothing is stuck.
abstract contract Ledger is AccessControl, ReentrancyGuard {
    enum Status { None, Pending, Approved, Rejected, Canceled, Finalized }

    /// @notice Fixed when the contract is made, so that they cannot change under those who have paid.
    struct Terms {
        uint256 minPot;
        uint256 minValidatorStake;
        uint16 quorum;
        uint16 validatorFeeBps;
        uint16 cashbackBps;
        /// @dev Seconds after the end, after which what was not finalized can be called off by anybody.
        uint64 settleWithin;
        /// @dev Of the first challenge: above those of a contract that this one follows.
        uint256 firstId;
    }

    struct Challenge {
        address creator;
        Status status;
        uint8 outcome;
        uint32 participants;
        uint32 winners;
        uint64 startsAt;
        uint64 endsAt;
        uint16 approvals;
        uint16 rejections;
        uint256 stake;
        uint256 pot;
        /// @notice What validators earned of the pot; zero until they decided.
        uint256 fee;
        uint256 feeShare;
        uint256 prizeShare;
        bytes32 contentHash;
        bytes32 resultHash;
        address[] voters;
    }

    /// @notice What one address is in one challenge. claimed: a bit for each kind of claim.
    struct Seat {
        bool joined;
        bool won;
        uint8 vote;
        uint8 claimed;
    }

    bytes32 public constant FINALIZER_ROLE = keccak256("FINALIZER_ROLE");
    bytes32 public constant VALIDATOR_ROLE = keccak256("VALIDATOR_ROLE");
    uint8 public constant SUCCESS = 1;
    uint8 public constant FAIL = 2;
    uint8 internal constant FOR = 1;
    uint8 internal constant AGAINST = 2;
    uint256 internal constant WHOLE_BPS = 10_000;
    uint16 internal constant QUORUM_MAX = 50;
    uint64 internal constant SETTLE_WITHIN_MAX = 365 days;
    /// @dev Our index passes over ids from 1 << 40 on: half of them are left to count through.
    uint256 internal constant FIRST_ID_MAX = 1 << 39;

    event ChallengeCreated(
        uint256 indexed id, address indexed creator, uint256 stake, uint256 pot,
        uint64 startsAt, uint64 endsAt, bytes32 contentHash
    );
    event Joined(uint256 indexed id, address indexed user, uint256 amount);
    event Canceled(uint256 indexed id);

    error TermsMalformed();
    error WindowMalformed();
    error StakeTooLarge();
    error PotTooSmall(uint256 minPot);
    error WrongValue(uint256 needed);
    error WrongStatus(Status status);
    error TooLate();
    error AlreadyJoined();
    error NotTheCreator();
    error ZeroAmount();
    error PaymentFailed();

    Treasury public immutable treasury;
    uint256 public immutable minPot;
    uint256 public immutable minValidatorStake;
    uint16 public immutable quorum;
    uint16 public immutable validatorFeeBps;
    uint16 public immutable cashbackBps;
    uint64 public immutable settleWithin;

    /// @notice Of the next challenge. None is below 2, as the treasury's bucket 1 is for validators.
    uint256 public nextId;
    mapping(uint256 id => Challenge) internal _challenges;
    mapping(uint256 id => mapping(address who => Seat)) public seats;

    constructor(Treasury treasury_, Terms memory terms) {
        bool fits = terms.quorum > 0 && terms.quorum <= QUORUM_MAX && terms.minValidatorStake > 0
            && terms.validatorFeeBps <= WHOLE_BPS && terms.cashbackBps <= WHOLE_BPS
            && terms.settleWithin > 0 && terms.settleWithin <= SETTLE_WITHIN_MAX
            && terms.firstId > 1 && terms.firstId <= FIRST_ID_MAX;
        if (!fits || address(treasury_).code.length == 0) revert TermsMalformed();
        treasury = treasury_;
        minPot = terms.minPot;
        minValidatorStake = terms.minValidatorStake;
        quorum = terms.quorum;
        validatorFeeBps = terms.validatorFeeBps;
        cashbackBps = terms.cashbackBps;
        settleWithin = terms.settleWithin;
        nextId = terms.firstId;
    }

    function challenge(uint256 id) external view returns (Challenge memory) {
        return _challenges[id];
    }

    /// @dev The challenge, if it is in this status.
    function _at(uint256 id, Status status) internal view returns (Challenge storage found) {
        found = _challenges[id];
        if (found.status != status) revert WrongStatus(found.status);
    }

    /// @dev Last in every function that calls it: the receiver may be a contract that calls back.
    function _pay(address to, uint256 amount) internal {
        (bool paid,) = to.call{value: amount}("");
        if (!paid) revert PaymentFailed();
    }

    function _toTreasury(uint256 id, uint256 amount) internal {
        if (amount > 0) treasury.deposit{value: amount}(id);
    }

    function _cashback(Challenge storage of_) internal view returns (uint256) {
        return of_.stake * cashbackBps / WHOLE_BPS;
    }
}
