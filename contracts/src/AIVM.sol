// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

/// @title A STAND-IN for an AI virtual machine. Not for a chain that money is on.
/// @notice It goes through the steps of such a network and emits the same five events: request, commit,
/// reveal, attest, finalize. Anybody may register and act as worker or validator; nobody has a stake,
/// and nothing is inferred. Where a real AIVM is deployed, its address takes this one's place.
contract AIVM is ReentrancyGuard {
    enum Step { None, Requested, Committed, Revealed, Finalized }

    struct Request {
        Step step;
        uint64 attestations;
        address worker;
        bytes32 taskId;
        bytes32 commitment;
        bytes32 responseHash;
        uint256 fee;
    }

    uint256 public constant PROTOCOL_FEE_BPS = 500;

    event InferenceRequestedV2(
        uint256 indexed requestId, address indexed requester, bytes32 indexed taskId, string model,
        bytes32 promptHash, bytes32 promptId, bytes32 modelDigest, bytes32 detConfigHash
    );
    event InferenceCommitted(uint256 indexed requestId, address indexed worker, bytes32 commitment);
    event InferenceRevealed(uint256 indexed requestId, address indexed worker, bytes32 responseHash, string response);
    event PoIAttested(
        bytes32 indexed taskId, address indexed validator, uint64 count,
        bytes32 resultHash, bytes32 transcriptHash, uint64 slot
    );
    event InferenceFinalized(
        uint256 indexed requestId, bytes32 indexed taskId, address indexed worker,
        bytes32 resultHash, uint256 workerPaidWei, uint256 protocolFeeWei
    );

    error NotRegistered();
    error WrongStep(Step step);
    error NotTheWorker();
    error RevealDiffers();
    error AlreadyAttested();
    error TooFewAttestations(uint64 count);
    error NothingToClaim();
    error PaymentFailed();

    /// @notice How many validators must attest before a request can be finalized.
    uint64 public immutable quorum;
    address public immutable protocol;

    mapping(address who => bool) public isWorker;
    mapping(address who => bool) public isValidator;
    mapping(uint256 requestId => Request) public requests;
    mapping(bytes32 taskId => uint256 requestId) public requestOf;
    mapping(bytes32 taskId => mapping(address validator => bool)) public attested;
    mapping(address who => uint256) public owed;
    uint256 public count;

    constructor(address protocol_, uint64 quorum_) {
        protocol = protocol_;
        quorum = quorum_;
    }

    function register(bool asWorker, bool asValidator) external {
        isWorker[msg.sender] = asWorker;
        isValidator[msg.sender] = asValidator;
    }

    /// @notice Ask for an inference; the value sent is its fee. Requests are numbered from 1.
    function request(
        string calldata model, bytes32 promptHash, bytes32 promptId, bytes32 modelDigest, bytes32 detConfigHash
    ) external payable returns (uint256 requestId, bytes32 taskId) {
        requestId = ++count;
        taskId = keccak256(abi.encode(block.chainid, address(this), requestId));
        requestOf[taskId] = requestId;
        Request storage made = requests[requestId];
        (made.step, made.taskId, made.fee) = (Step.Requested, taskId, msg.value);
        emit InferenceRequestedV2(
            requestId, msg.sender, taskId, model, promptHash, promptId, modelDigest, detConfigHash
        );
    }

    /// @param commitment commitmentOf(responseHash, salt): the worker is bound before others can copy.
    function commit(uint256 requestId, bytes32 commitment) external {
        if (!isWorker[msg.sender]) revert NotRegistered();
        Request storage asked = _at(requestId, Step.Requested);
        (asked.step, asked.worker, asked.commitment) = (Step.Committed, msg.sender, commitment);
        emit InferenceCommitted(requestId, msg.sender, commitment);
    }

    function reveal(uint256 requestId, bytes32 responseHash, bytes32 salt, string calldata response) external {
        Request storage asked = _at(requestId, Step.Committed);
        if (asked.worker != msg.sender) revert NotTheWorker();
        if (commitmentOf(responseHash, salt) != asked.commitment) revert RevealDiffers();
        (asked.step, asked.responseHash) = (Step.Revealed, responseHash);
        emit InferenceRevealed(requestId, msg.sender, responseHash, response);
    }

    /// @notice A validator that came to the same result says so.
    function attest(bytes32 taskId, bytes32 resultHash, bytes32 transcriptHash, uint64 slot) external {
        if (!isValidator[msg.sender]) revert NotRegistered();
        Request storage asked = _at(requestOf[taskId], Step.Revealed);
        if (resultHash != asked.responseHash) revert RevealDiffers();
        if (attested[taskId][msg.sender]) revert AlreadyAttested();
        attested[taskId][msg.sender] = true;
        uint64 reached = ++asked.attestations;
        emit PoIAttested(taskId, msg.sender, reached, resultHash, transcriptHash, slot);
    }

    /// @notice Anybody may finalize once enough validators attested; the fee is then owed.
    function finalize(uint256 requestId) external {
        Request storage asked = _at(requestId, Step.Revealed);
        if (asked.attestations < quorum) revert TooFewAttestations(asked.attestations);
        asked.step = Step.Finalized;
        uint256 cut = asked.fee * PROTOCOL_FEE_BPS / 10_000;
        owed[protocol] += cut;
        owed[asked.worker] += asked.fee - cut;
        emit InferenceFinalized(
            requestId, asked.taskId, asked.worker, asked.responseHash, asked.fee - cut, cut
        );
    }

    function withdraw() external nonReentrant returns (uint256 amount) {
        amount = owed[msg.sender];
        if (amount == 0) revert NothingToClaim();
        delete owed[msg.sender];
        (bool paid,) = msg.sender.call{value: amount}("");
        if (!paid) revert PaymentFailed();
    }

    function commitmentOf(bytes32 responseHash, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(responseHash, salt));
    }

    function _at(uint256 requestId, Step step) private view returns (Request storage asked) {
        asked = requests[requestId];
        if (asked.step != step) revert WrongStep(asked.step);
    }
}
