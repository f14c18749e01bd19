// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChallengePay} from "../src/ChallengePay.sol";
import {EpochPayout} from "../src/EpochPayout.sol";
import {Treasury} from "../src/Treasury.sol";
import {Ledger} from "../src/pay/Ledger.sol";
import {Receiver} from "../test/Receiver.sol";

/// @dev What forge offers to tests, as far as it is used here.
interface Vm {
    function prank(address who) external;
    function deal(address who, uint256 wei_) external;
    function warp(uint256 time) external;
}

/// @title Thousands of random walks: what came in equals what can go out.
contract Conservation {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    uint256 private constant ACTS = 120;
    uint256 private constant PEOPLE = 6;
    /// @dev Few, so that each is played through.
    uint256 private constant CHALLENGES = 4;

    ChallengePay private _pay;
    Treasury private _treasury;
    uint256 private _state;

    /// @dev seed: of everything that is left to chance, the terms included.
    function testFuzz_whatCameInCanGoOut(uint256 seed) external {
        _state = seed;
        _treasury = new Treasury(address(this), address(this));
        Ledger.Terms memory terms = Ledger.Terms({
            minPot: 0,
            minValidatorStake: 1 + _below(9),
            quorum: uint16(1 + _below(3)),
            validatorFeeBps: uint16(_below(10_001)),
            cashbackBps: uint16(_below(10_001)),
            settleWithin: uint64(1 + _below(2 hours)),
            firstId: 2
        });
        _pay = new ChallengePay(address(this), address(this), _treasury, terms);
        for (uint256 i = 0; i < CHALLENGES; i++) _create();
        bytes32 role = _pay.VALIDATOR_ROLE();
        for (uint256 i = 0; i < PEOPLE; i++) _pay.grantRole(role, address(uint160(0xA0001 + i)));
        for (uint256 i = 0; i < PEOPLE; i++) _as(_anybody(), abi.encodeWithSignature("stakeValidator()"), 9);
        for (uint256 i = 0; i < ACTS; i++) _act();
        for (uint256 id = 2; id < _pay.nextId(); id++) _end(id);
        for (uint256 id = 2; id < _pay.nextId(); id++) _claimAll(id);
        require(address(_pay).balance == _stakes(), "the balance is not what validators staked");
    }

    /// @dev Receivers of every manner: what is not sent is credited, to the wei.
    function testFuzz_aBatchIsPaidOrCredited(uint256 seed) external {
        _state = seed;
        EpochPayout payout = new EpochPayout(address(this), address(this));
        uint256 count = 1 + _below(12);
        address[] memory to = new address[](count);
        uint256[] memory amounts = new uint256[](count);
        uint256 total = 0;
        for (uint256 i = 0; i < count; i++) {
            Receiver one = new Receiver();
            one.behave(Receiver.Manner(_below(5)), address(payout), abi.encodeCall(EpochPayout.withdraw, ()));
            (to[i], amounts[i]) = (address(one), 1 + _below(1 ether));
            total += amounts[i];
        }
        vm.deal(address(this), total);
        payout.push{value: total}(1, 1, to, amounts);
        uint256 credited = 0;
        for (uint256 i = 0; i < count; i++) {
            uint256 credit = payout.credit(to[i]);
            require(to[i].balance + credit == amounts[i], "a share is not whole");
            credited += credit;
        }
        require(address(payout).balance == credited, "the balance is not what is credited");
    }

    function _act() private {
        uint256 id = _one();
        uint256 pick = _below(14);
        if (pick < 4) return _as(_anybody(), abi.encodeCall(ChallengePay.join, (id)), _pay.challenge(id).stake);
        if (pick == 4) return _as(_anybody(), abi.encodeWithSignature("stakeValidator()"), 1 + _below(12));
        if (pick == 5) return _as(_anybody(), abi.encodeWithSignature("unstakeValidator(uint256)", _below(12)), 0);
        if (pick < 8) return _as(_anybody(), abi.encodeWithSignature("approve(uint256)", id), 0);
        if (pick == 8) return _as(_anybody(), abi.encodeWithSignature("reject(uint256)", id), 0);
        if (pick == 9 || pick == 13) return _mark(id);
        if (pick == 10 && _below(4) == 0) return _finalize(id, uint8(1 + _below(2)));
        if (pick == 11 && _below(4) == 0) return _as(_anybody(), abi.encodeCall(ChallengePay.cancel, (id)), 0);
        if (pick == 12 && _below(2) == 0) return _claim(_anybody(), id, _below(6));
        vm.warp(block.timestamp + _below(100));
    }

    function _create() private {
        uint64 start = uint64(block.timestamp);
        bytes memory data =
            abi.encodeCall(ChallengePay.create, (_below(1 ether), start, start + 1 + uint64(_below(3000)), 0));
        _as(_anybody(), data, _below(1 ether));
    }

    function _mark(uint256 id) private {
        address[] memory who = new address[](1);
        who[0] = _anybody();
        _as(address(this), abi.encodeWithSignature("markWinners(uint256,address[])", id, who), 0);
    }

    function _finalize(uint256 id, uint8 outcome) private {
        _as(address(this), abi.encodeWithSignature("submitProof(uint256,bytes32)", id, bytes32(uint256(1))), 0);
        _as(address(this), abi.encodeWithSignature("finalize(uint256,uint8)", id, outcome), 0);
    }

    /// @dev Whatever is approved is finalized, with winners if it can be; the rest is called off.
    function _end(uint256 id) private {
        _finalize(id, 1);
        _finalize(id, 2);
        _as(_pay.challenge(id).creator, abi.encodeCall(ChallengePay.cancel, (id)), 0);
    }

    function _claimAll(uint256 id) private {
        for (uint256 who = 1; who <= PEOPLE; who++) {
            for (uint256 kind = 0; kind < 6; kind++) _claim(address(uint160(0xA0000 + who)), id, kind);
        }
    }

    function _claim(address who, uint256 id, uint256 kind) private {
        string[6] memory claims = [
            "claimPrincipal(uint256)", "claimCashback(uint256)", "claimValidator(uint256)",
            "claimValidatorReject(uint256)", "claimRejectCreator(uint256)", "claimRejectContribution(uint256)"
        ];
        _as(who, abi.encodeWithSignature(claims[kind], id), 0);
    }

    /// @dev What the contract refuses, it refuses; the walk goes on.
    function _as(address who, bytes memory data, uint256 value) private {
        vm.deal(who, who.balance + value);
        vm.prank(who);
        (bool done,) = address(_pay).call{value: value}(data);
        done;
    }

    function _stakes() private view returns (uint256 sum) {
        for (uint256 who = 1; who <= PEOPLE; who++) sum += _pay.validatorStake(address(uint160(0xA0000 + who)));
    }

    function _one() private returns (uint256) {
        return 2 + _below(CHALLENGES);
    }

    function _anybody() private returns (address) {
        return address(uint160(0xA0001 + _below(PEOPLE)));
    }

    function _below(uint256 bound) private returns (uint256) {
        _state = uint256(keccak256(abi.encode(_state)));
        return _state % bound;
    }
}
