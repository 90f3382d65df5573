// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import "./Gateway.sol";

/// What zkVerifier() points to: a program's key and the gateway that checks its proofs.
contract SP1ZKVerifier {
    ISP1Verifier public immutable sp1Verifier;
    bytes32 public immutable programVKey;

    constructor(ISP1Verifier gateway, bytes32 key) {
        sp1Verifier = gateway;
        programVKey = key;
    }

    function verifyProof(bytes calldata proof, bytes calldata publicInputs) external view returns (bool) {
        try sp1Verifier.verifyProof(programVKey, publicInputs, proof) {
            return true;
        } catch {
            return false;
        }
    }
}

/// As much of an ERC-20 token as a claim moves.
contract Token {
    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);

    mapping(address => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (balanceOf[msg.sender] < amount) {
            revert ERC20InsufficientBalance(msg.sender, balanceOf[msg.sender], amount);
        }
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// Where the part of a claim waits that is not unlocked at once.
contract Vesting {
    address public immutable beneficiary;

    constructor(address to) {
        beneficiary = to;
    }
}

/// What the claim contract is to its callers: its views, events, errors, and the order of its checks.
contract TangleMigration {
    event Claimed(
        bytes32 indexed pubkey,
        address indexed recipient,
        uint256 amount,
        uint256 unlockedAmount,
        uint256 vestedAmount,
        address vestingContract
    );
    event Paused(bool isPaused);
    event ClaimDeadlineUpdated(uint256 oldDeadline, uint256 newDeadline);
    event MerkleRootUpdated(bytes32 oldRoot, bytes32 newRoot);
    event ZKVerifierUpdated(address oldVerifier, address newVerifier);

    error ClaimsPaused();
    error ClaimDeadlinePassed();
    error InvalidMerkleProof();
    error InvalidZKProof();
    error AlreadyClaimed();
    error ZeroAmount();
    error ZeroAddress();
    error NoZKVerifier();
    error MerkleRootLocked();
    error ZKVerifierLocked();
    error RestrictedUnlockLocked();
    error OwnableUnauthorizedAccount(address account);

    address public owner = msg.sender;
    Token public immutable token;
    SP1ZKVerifier public zkVerifier;
    bytes32 public merkleRoot;
    mapping(bytes32 => uint256) public claimed;
    uint256 public totalClaimed;
    bool public paused;
    uint256 public claimDeadline;
    uint16 public unlockedBps = 1000;
    mapping(bytes32 => bool) public restrictedUnlock;

    modifier onlyOwner() {
        if (msg.sender != owner) revert OwnableUnauthorizedAccount(msg.sender);
        _;
    }

    constructor(Token paid, bytes32 root, SP1ZKVerifier verifier, uint256 deadline) {
        token = paid;
        merkleRoot = root;
        zkVerifier = verifier;
        claimDeadline = deadline;
    }

    function claimWithZKProof(
        bytes32 pubkey,
        uint256 amount,
        bytes32[] calldata merkleProof,
        bytes calldata zkProof,
        address recipient
    ) external {
        if (paused) revert ClaimsPaused();
        if (claimDeadline != 0 && block.timestamp > claimDeadline) revert ClaimDeadlinePassed();
        if (address(zkVerifier) == address(0)) revert NoZKVerifier();
        if (recipient == address(0)) revert ZeroAddress();
        if (amount == 0) revert ZeroAmount();
        if (pubkey == bytes32(0)) revert ZeroAddress();
        if (claimed[pubkey] > 0) revert AlreadyClaimed();
        if (!verifyMerkleProof(pubkey, amount, merkleProof)) revert InvalidMerkleProof();
        bytes32 challenge = keccak256(abi.encode(address(this), block.chainid, recipient, amount));
        if (!zkVerifier.verifyProof(zkProof, abi.encode(pubkey, recipient, amount, challenge))) revert InvalidZKProof();
        pay(pubkey, amount, recipient);
    }

    /// The owner's way to pay without a proof.
    function adminClaim(bytes32 pubkey, uint256 amount, bytes32[] calldata merkleProof, address recipient)
        external
        onlyOwner
    {
        if (claimed[pubkey] > 0) revert AlreadyClaimed();
        if (!verifyMerkleProof(pubkey, amount, merkleProof)) revert InvalidMerkleProof();
        pay(pubkey, amount, recipient);
    }

    function pay(bytes32 pubkey, uint256 amount, address recipient) private {
        claimed[pubkey] = amount;
        totalClaimed += amount;
        uint256 unlocked = restrictedUnlock[pubkey] ? 0 : amount * unlockedBps / 10000;
        Vesting vesting = new Vesting(recipient);
        token.transfer(recipient, unlocked);
        token.transfer(address(vesting), amount - unlocked);
        emit Claimed(pubkey, recipient, amount, unlocked, amount - unlocked, address(vesting));
    }

    function getClaimedAmount(bytes32 pubkey) external view returns (uint256) {
        return claimed[pubkey];
    }

    function verifyMerkleProof(bytes32 pubkey, uint256 amount, bytes32[] calldata proof) public view returns (bool) {
        bytes32 hash = keccak256(bytes.concat(keccak256(abi.encode(pubkey, amount))));
        for (uint256 i = 0; i < proof.length; i++) {
            hash = hash < proof[i]
                ? keccak256(bytes.concat(hash, proof[i]))
                : keccak256(bytes.concat(proof[i], hash));
        }
        return hash == merkleRoot;
    }

    function setPaused(bool yes) external onlyOwner {
        paused = yes;
        emit Paused(yes);
    }

    function setClaimDeadline(uint256 deadline) external onlyOwner {
        emit ClaimDeadlineUpdated(claimDeadline, deadline);
        claimDeadline = deadline;
    }

    function setMerkleRoot(bytes32 root) external onlyOwner {
        if (totalClaimed > 0) revert MerkleRootLocked();
        emit MerkleRootUpdated(merkleRoot, root);
        merkleRoot = root;
    }

    function setZKVerifier(SP1ZKVerifier verifier) external onlyOwner {
        if (totalClaimed > 0) revert ZKVerifierLocked();
        emit ZKVerifierUpdated(address(zkVerifier), address(verifier));
        zkVerifier = verifier;
    }

    function setRestrictedUnlock(bytes32[] calldata pubkeys, bool yes) external onlyOwner {
        if (totalClaimed > 0) revert RestrictedUnlockLocked();
        for (uint256 i = 0; i < pubkeys.length; i++) restrictedUnlock[pubkeys[i]] = yes;
    }
}
