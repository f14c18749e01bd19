// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title An ill-behaved wallet, for tests: it acts for whoever calls it, and minds how it is paid.
contract Receiver {
    enum Manner { Accept, Refuse, SpendAllGas, AnswerAtLength, CallBack }

    Manner public manner;
    address private _target;
    bytes private _again;
    /// @notice What came of calling back.
    bool public gotThrough;
    bytes public answer;

    function behave(Manner manner_, address target, bytes calldata again) external {
        (manner, _target, _again) = (manner_, target, again);
    }

    /// @notice Call a contract as this wallet, with the value that came along.
    function act(address target, bytes calldata data) external payable returns (bytes memory) {
        (bool done, bytes memory said) = target.call{value: msg.value}(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(said, 32), mload(said))
            }
        }
        return said;
    }

    receive() external payable {
        if (manner == Manner.Refuse) revert("not here");
        if (manner == Manner.SpendAllGas) while (true) {}
        if (manner == Manner.AnswerAtLength) {
            assembly ("memory-safe") {
                revert(0, 60000)
            }
        }
        if (manner == Manner.CallBack) (gotThrough, answer) = _target.call(_again);
    }
}
