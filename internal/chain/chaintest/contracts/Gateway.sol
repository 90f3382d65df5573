// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface ISP1Verifier {
    function verifyProof(bytes32 programVKey, bytes calldata publicValues, bytes calldata proofBytes) external view;
}

interface ISP1VerifierWithHash is ISP1Verifier {
    function VERIFIER_HASH() external view returns (bytes32);
}

/// What SP1VerifierGateway is to its callers: its views, events and errors.
contract Gateway is ISP1Verifier {
    struct Route {
        address verifier;
        bool frozen;
    }

    event RouteAdded(bytes4 selector, address verifier);
    event RouteFrozen(bytes4 selector, address verifier);

    error RouteNotFound(bytes4 selector);
    error RouteIsFrozen(bytes4 selector);
    error RouteAlreadyExists(address verifier);
    error SelectorCannotBeZero();
    error OwnableUnauthorizedAccount(address account);

    address public immutable owner = msg.sender;
    mapping(bytes4 => Route) public routes;

    modifier onlyOwner() {
        if (msg.sender != owner) revert OwnableUnauthorizedAccount(msg.sender);
        _;
    }

    function addRoute(address verifier) external onlyOwner {
        bytes4 selector = bytes4(ISP1VerifierWithHash(verifier).VERIFIER_HASH());
        if (selector == bytes4(0)) revert SelectorCannotBeZero();
        if (routes[selector].verifier != address(0)) revert RouteAlreadyExists(routes[selector].verifier);
        routes[selector].verifier = verifier;
        emit RouteAdded(selector, verifier);
    }

    function freezeRoute(bytes4 selector) external onlyOwner {
        Route storage route = routes[selector];
        if (route.verifier == address(0)) revert RouteNotFound(selector);
        if (route.frozen) revert RouteIsFrozen(selector);
        route.frozen = true;
        emit RouteFrozen(selector, route.verifier);
    }

    function verifyProof(bytes32 programVKey, bytes calldata publicValues, bytes calldata proofBytes) external view {
        bytes4 selector = bytes4(proofBytes[:4]);
        Route memory route = routes[selector];
        if (route.verifier == address(0)) revert RouteNotFound(selector);
        if (route.frozen) revert RouteIsFrozen(selector);
        ISP1Verifier(route.verifier).verifyProof(programVKey, publicValues, proofBytes);
    }
}
