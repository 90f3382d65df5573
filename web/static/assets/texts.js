/**
 * Every text of the page that is not in its HTML. A translation is one more file like this one.
 * Sentence case, no blame, and each state says what it means for the reader: wait, act, retry or stop.
 * @module
 */

export const title = "claimprover"

export const connection = {
  connecting: "connecting", reconnecting: "reconnecting", live: "live", polling: "polling", offline: "offline", ended: "ended",
  lastSeen: at => ` · last seen ${at}`,
}

export const theme = {
  auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark",
}

export const sentence = {
  loading: "Asking the service…",
  unreachable: "The service cannot be reached. This page tries again by itself.",
  stale: at => `The connection is lost. The figures are as of ${at}.`,
  draining: "Restarting. Running proofs finish; new claims are taken again in a moment.",
  paused: "Paused. Running proofs finish; new claims are refused for now.",
  chainAway: "The chain cannot be asked right now. New claims have to wait.",
  full: "The line is full. New claims are refused until a place is free.",
  busy: (queued, time) => `Busy: ${queued} in line. A proof takes ${time}, plus the wait.`,
  normal: time => `Working normally. A proof takes ${time} right now.`,
  idle: "Working normally. A proof usually takes minutes.",
  busyIdle: queued => `Busy: ${queued} in line. A proof usually takes minutes, plus the wait.`,
}

/** Worst first. */
export const banners = {
  draining: ["draining", "Restarting: new claims are refused for a moment. A job that the restart ends can be submitted again; nothing is bought twice."],
  paused: reason => ["paused", `New claims are refused for now: ${reason}`],
  chainAway: ["chain-away", "The chain does not answer, so new claims are refused for now. It is asked again by itself, and running proofs go on."],
  mock: ["mock", "Test mode: proofs are not valid on chain."],
  anonymous: ["anonymous", "Open: anyone may submit, without a key."],
}

export const figures = {
  of: n => `of ${n}`,
  nobody: "nobody waits",
  full: n => `of ${n}, full`,
}

export const hour = {
  loading: "–",
  nothing: "Nothing has ended in the last hour.",
  ready: n => `${n} ready`,
  countScale: n => `Jobs ended per 5 min, up to ${n}`,
  timeScale: t => `Time per proof, half and nine in ten, up to ${t}`,
  count: (ready, failed) => `${ready} ready and ${failed} failed in the last hour, in steps of five minutes.`,
  time: (p50, p90) => `In the last hour half of the proofs took at most ${p50}, nine in ten at most ${p90}.`,
  noTime: "No proof was made in the last hour.",
}

/** How many jobs ended so, in words. */
export const ended = {
  timeout: n => `${n} timed out`,
  cancelled: n => `${n} cancelled`,
  proof_failed: n => `${n} without a valid proof`,
  verification_failed: n => `${n} refused by the verifier`,
  internal_error: n => `${n} broke on our side`,
  already_claimed: n => `${n} already claimed`,
  claims_closed: n => `${n} after the claims closed`,
  rpc_unavailable: n => `${n} without an answer from the chain`,
  shutting_down: n => `${n} ended by a restart`,
  other: (n, code) => `${n} ${code}`,
}

export const steps = {
  accepted: "Accepted", line: "In line", proving: "Proving", checking: "Checking", ready: "Ready",
  notChecked: "not checked", cached: "a proof made before", request: "request", explorer: "explorer",
  marks: { done: "done", now: "now", todo: "to come", failed: "failed", stopped: "stopped here" },
}

const keepsGoing = "You can close this page; the link keeps working."
const nothingToDo = "There is nothing to do."

export const job = {
  loading: ["Looking for the job…", ""],
  pending: (position, size) => [position ? `In line: ${position} of ${Math.max(size, position)}` : "In line", keepsGoing],
  running: phase => [phase ? `Proving (step 2 of 4: ${phase})` : "Proving (step 2 of 4)", keepsGoing],
  checking: ["Checking the proof (step 3 of 4)", keepsGoing],
  verified: by => ["Proof ready and checked", `Checked: ${by}. Copy or download it, or send the claim from your app.`],
  unverified: ["Proof ready, not checked here", "This service checks nothing before it hands a proof out; the contract will."],
  mock: ["Test proof (not valid on chain)", "Everything worked as it would for real, but for the proof itself."],
  unreachable: ["The service cannot be reached", "This page tries again by itself. The job goes on meanwhile."],
  title: {
    pending: (position, size) => `⏳ ${position}/${Math.max(size, position)}`, running: "⏳ Proving", completed: "✓ Proof ready",
    mock: "✓ Test proof", failed: "✕ Stopped",
  },
  announceReady: "The proof is ready.",
}

/** What a code means and what to do next: [headline, next step]. */
export const codes = {
  invalid_input: ["The claim is not well formed", "Check the fields that are named, and submit again."],
  challenge_mismatch: ["Signed for another recipient or chain", "Sign again: recipient, amount and network must be the ones shown in your app."],
  unauthorized: ["A key or token is needed", "Open the job with the link or app that it came from."],
  invalid_signature: ["The signature does not match this account", "Sign again with the account that holds the balance."],
  forbidden: ["Not your job", "Only an owner of the job can do that."],
  not_eligible: ["Not on the list", "Check that this is the account from the snapshot; another account in the same wallet is the usual reason."],
  amount_mismatch: ["The listed amount is different", "Check that this is the account from the snapshot; another account in the same wallet is the usual reason."],
  not_found: ["No such job, or it has expired", "Jobs are kept for a while after they end. Submit the same claim again; a proof that is still in the cache costs nothing."],
  method_not_allowed: ["That cannot be done here", "Use the API as its description says."],
  already_claimed: ["Already claimed", nothingToDo],
  claims_closed: ["Claims are closed", nothingToDo],
  already_finished: ["The job has already ended", nothingToDo],
  payload_too_large: ["The request is too large", "Send the claim alone."],
  unsupported_media_type: ["The request is not JSON", "Send the claim as application/json."],
  rate_limited: ["Too many tries", "Wait a little, then submit again. Nothing was charged."],
  internal_error: ["Something broke on our side", "Submit the same claim again: what was already paid for is picked up, not bought again."],
  queue_full: ["The line is full", "Submit again in a little while. Nothing was charged."],
  rpc_unavailable: ["The chain could not be asked", "Submit the same claim again in a little while. Nothing is bought twice."],
  budget_exhausted: ["No more proofs for now", "The operator’s limit is reached. Submit again later; nothing was charged."],
  shutting_down: ["Stopped by a restart", "Submit the same claim again: what was already paid for is picked up, not bought again."],
  unavailable: ["The service is away for a moment", "This page tries again by itself."],
  timeout: ["Stopped: it took too long", "Submit the same claim again: what was already paid for is picked up, not bought again."],
  proof_failed: ["No valid proof", "Nothing was released. Send the job id to support."],
  verification_failed: ["No valid proof", "The proof did not pass its check, so nothing was released. Send the job id to support."],
  cancelled: ["Cancelled", "Submit the claim again when you like."],
  other: code => ["Stopped", `The service says “${code}”. Send the job id to support.`],
}

export const away = "Not connected. The job goes on meanwhile; this page catches up by itself."
export const retryFrom = time => `Try again from ${time}.`
export const stoppedAfter = time => `Stopped after ${time}`

export const eta = {
  left: range => `${range} left`,
  soon: "less than a minute left",
  unknown: "usually minutes",
  late: time => `taking longer than usual (${time}), still running`,
}
export const elapsed = time => `${time} so far`
export const took = time => `took ${time}`

/** What a proof was checked by. */
export const checks = {
  groth16: "Groth16", plonk: "PLONK", onchain: "the verifier contract", public_values: "the public values", vkey: "the program key",
}
export const and = "and"
export const mode = { network: "prover network", local: "local prover", mock: "mock prover" }
export const build = {
  verified: by => `checked by ${by}`, nothing: "proofs are not checked", chain: id => `chain ${id}`, version: v => (/^\d/.test(v) ? `v${v}` : v),
}

export const facts = {
  for: "For", recipient: "Pays", amount: "Amount", contract: "Contract", chain: "Chain", checked: "Checked by", kept: "Kept until", cost: "Cost",
  tokens: n => `${n} tokens`, units: n => `${n} base units, at 18 decimals`, nothing: "nothing (test mode)",
  calldata: "Calldata", proof: "Proof", publicValues: "Public values", challenge: "Challenge", bytes: n => `${n} bytes`, merkle: n => `${n} hashes`,
}

export const actions = {
  copied: "Copied", failed: "Press Ctrl+C",
  showQR: "Show QR code", hideQR: "Hide QR code", qr: "The link to this job as a QR code",
  notify: "Tell me when it is ready", notified: "You will be told", refused: "Notifications are off in this browser",
  cancelling: "Cancelling…", cancel: "Cancel the job", keyNeeded: "Enter the key that submitted the claim.",
}
export const search = { fault: "That holds no job id. An id looks like 7f3a91e0-4c1b-4d2a-9f00-1234567890c2." }
export const recent = { watch: id => `Watch ${id}` }

export const time = {
  now: "just now", short: "under 1\u00a0s", seconds: n => `${n}\u00a0s`, minutes: n => `${n}\u00a0min`, hours: n => `${n}\u00a0h`, ago: t => `${t} ago`,
  about: t => `about ${t}`,
}
