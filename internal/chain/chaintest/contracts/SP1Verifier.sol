// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import "./Gateway.sol";

/// What gnark 0.15 exports for a Groth16 key with five public inputs. (SP1's, of an older one, takes uint256[8].)
interface IGroth16 {
    function verifyProof(bytes calldata proof, uint256[5] calldata input) external view;
}

/// What SP1's verifier of one circuit is to its callers, from version 6 on: selector, exit code, root, pairing.
contract SP1Verifier is ISP1VerifierWithHash {
    error WrongVerifierSelector(bytes4 received, bytes4 expected);
    error InvalidExitCode();
    error InvalidVkRoot();

    bytes32 public immutable VERIFIER_HASH;
    bytes32 public immutable VK_ROOT;
    IGroth16 immutable groth16;

    constructor(bytes32 hash, bytes32 root, IGroth16 pairing) {
        VERIFIER_HASH = hash;
        VK_ROOT = root;
        groth16 = pairing;
    }

    function hashPublicValues(bytes calldata publicValues) public pure returns (bytes32) {
        return sha256(publicValues) & bytes32(uint256((1 << 253) - 1));
    }

    function verifyProof(bytes32 programVKey, bytes calldata publicValues, bytes calldata proofBytes) external view {
        bytes4 received = bytes4(proofBytes[:4]);
        if (received != bytes4(VERIFIER_HASH)) revert WrongVerifierSelector(received, bytes4(VERIFIER_HASH));
        (uint256 exitCode, bytes32 root, uint256 nonce, uint256[8] memory proof) =
            abi.decode(proofBytes[4:], (uint256, bytes32, uint256, uint256[8]));
        if (exitCode != 0) revert InvalidExitCode();
        if (root != VK_ROOT) revert InvalidVkRoot();
        uint256[5] memory inputs =
            [uint256(programVKey), uint256(hashPublicValues(publicValues)), exitCode, uint256(root), nonce];
        groth16.verifyProof(abi.encodePacked(proof), inputs);
    }
}

/// A verifier that takes everything, as no production gateway may have.
contract YesVerifier is ISP1VerifierWithHash {
    bytes32 public immutable VERIFIER_HASH;

    constructor(bytes32 hash) {
        VERIFIER_HASH = hash;
    }

    function verifyProof(bytes32, bytes calldata, bytes calldata) external view {}
}
