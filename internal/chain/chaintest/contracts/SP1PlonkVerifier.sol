// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import "./Gateway.sol";

/// What gnark exports for a PLONK key.
interface IPlonk {
    function Verify(bytes calldata proof, uint256[] calldata input) external view returns (bool);
}

/// What SP1's PLONK verifier of one circuit is to its callers, from version 6 on: as its Groth16 verifier, but that the
/// proof goes to the curve's arithmetic as it is, and a proof that is none is an error of this contract.
contract SP1PlonkVerifier is ISP1VerifierWithHash {
    error WrongVerifierSelector(bytes4 received, bytes4 expected);
    error InvalidExitCode();
    error InvalidVkRoot();
    error InvalidProof();

    bytes32 public immutable VERIFIER_HASH;
    bytes32 public immutable VK_ROOT;
    IPlonk immutable plonk;

    constructor(bytes32 hash, bytes32 root, IPlonk arithmetic) {
        VERIFIER_HASH = hash;
        VK_ROOT = root;
        plonk = arithmetic;
    }

    function hashPublicValues(bytes calldata publicValues) public pure returns (bytes32) {
        return sha256(publicValues) & bytes32(uint256((1 << 253) - 1));
    }

    function verifyProof(bytes32 programVKey, bytes calldata publicValues, bytes calldata proofBytes) external view {
        bytes4 received = bytes4(proofBytes[:4]);
        if (received != bytes4(VERIFIER_HASH)) revert WrongVerifierSelector(received, bytes4(VERIFIER_HASH));
        (uint256 exitCode, bytes32 root, uint256 nonce) = abi.decode(proofBytes[4:100], (uint256, bytes32, uint256));
        if (exitCode != 0) revert InvalidExitCode();
        if (root != VK_ROOT) revert InvalidVkRoot();
        uint256[] memory inputs = new uint256[](5);
        inputs[0] = uint256(programVKey);
        inputs[1] = uint256(hashPublicValues(publicValues));
        inputs[2] = exitCode;
        inputs[3] = uint256(root);
        inputs[4] = nonce;
        if (!plonk.Verify(proofBytes[100:], inputs)) revert InvalidProof();
    }
}
