/** Every text of the page that is neither in its HTML nor one of the status page's. @module */

export const title = "Claim your tokens"

export const wallet = {
  names: { "polkadot-js": "Polkadot{.js}", "subwallet-js": "SubWallet", talisman: "Talisman", "nova-wallet": "Nova Wallet" },
  development: "Development key",
  connect: name => `Connect ${name}`,
  useDevelopment: "Use a development key",
  opening: "Waiting for the wallet…",
  none: "No wallet extension was found. A development key, which everybody knows, shows how it goes.",
}

export const standing = {
  asking: "Asking whether this account may claim…",
  listed: amount => `On the list with ${amount} tokens.`,
  open: "This service has no list: any account may claim any amount.",
  shares: (now, later) => ` ${now} are paid at once, ${later} vest.`,
}

export const recipient = {
  fault: "This is no EVM address. One is 0x and 40 hex digits.",
  zero: "The zero address cannot be paid. Enter the address that shall receive the tokens.",
}
export const amount = { fault: "Enter an amount above zero, such as 1 or 0.5, with at most 18 decimals." }

export const terms = {
  first: "First connect a wallet.",
  closed: "This account cannot claim, so there is nothing to sign.",
  start: (amount, to) => `Your wallet shows bytes that stand for: pay ${amount} tokens to ${to}`,
  domain: (contract, chain) => `, by contract ${contract} on chain ${chain}.`,
  end: " A proof of it can pay nobody else.",
  somebody: "the address above",
}
export const sign = {
  sign: "Sign and submit", submit: "Submit again",
  asking: "Asking for the challenge…", signing: "Sign in your wallet…", submitting: "Submitting…",
  at: time => `Try again at ${time}`,
}

export const send = {
  send: "Send with wallet", asking: "Confirm in your wallet…", sent: "Sent", copied: "Copied", copy: "Copy calldata", copyProof: "Copy proof", press: "Press Ctrl+C",
  none: "There is no EVM wallet in this browser. Copy the calldata, or open this page in your wallet’s browser: the link keeps working.",
  ready: "Your wallet pays the gas. It makes no difference who sends the claim: it pays only the recipient inside it.",
  mock: "A test proof: only a contract with a test verifier takes it. Anywhere else your wallet warns that sending fails.",
  noList: "This service has no list and so no Merkle proof: your dApp makes the call itself.",
  waiting: hash => `Sent as ${hash}. Waiting for the chain…`,
  accepted: (hash, block) => `Claimed: the chain took ${hash} in block ${block}.`,
  reverted: hash => `The contract refused ${hash}. Nothing was paid but gas. Look at the transaction in an explorer for the reason.`,
}

/** What went wrong beyond what the service says: [headline, next step]. */
export const trouble = {
  notConnected: ["The wallet did not open", "Allow this page in your wallet, then connect again."],
  noAccounts: ["The wallet shows no account", "Choose in your wallet which accounts this page may see, then connect again."],
  wrongKind: kind => ["This account cannot claim", `It is of type ${kind}; the list holds sr25519 accounts. Choose another one.`],
  notSigned: ["Not signed", "Nothing was sent. Sign when you like; it costs nothing."],
  oddSignature: ["The wallet gave no sr25519 signature", "Choose an account of type sr25519, and sign again."],
  nothingToSign: ["This service names no contract", "It cannot say what to sign. Its operator sets CLAIM_CONTRACT_ADDRESS and CHAIN_ID."],
  backEnd: ["Our server cannot be reached", "Try again in a moment. Nothing was sent."],
  noEvmAccount: ["The EVM wallet did not open", "Allow this page in your wallet, then try again. Nothing was sent."],
  otherChain: chain => ["The wallet is on another network", `Switch it to chain ${chain}, then send again. Nothing was sent.`],
  notSent: ["Not sent", "Nothing was paid. Send when you like; the proof stays good."],
  sendFailed: ["The wallet could not send it", "Nothing was paid. The wallet’s reason stands below."],
}
export const again = "Try again"
export const requestId = id => ` (${id})`
