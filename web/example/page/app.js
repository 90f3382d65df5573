/**
 * The example dApp: connects a wallet, has a claim signed, submits it, watches its proof being made, has it sent.
 *
 * What it knows is one value; each change makes the next one, and view.js draws it. The job and the service are told as
 * the status page tells them.
 * @module
 */
import { ClaimError, follow, followStats, submit } from "./client.js"
import { jobIdIn } from "./assets/format.js"
import * as status from "./assets/state.js"
import { codes } from "./assets/texts.js"
import * as evm from "./sender.js"
import { readAmount, readRecipient, render } from "./view.js"
import { sr25519Signature, wallets } from "./wallets.js"
import * as t from "./words.js"

const $ = id => document.getElementById(id)
const service = new URL(document.documentElement.dataset.service + "/")

/** @type {any} */
let now = {
  status: status.start(Date.now()), // the service and the job, as the status page knows them
  wallets: [], wallet: undefined, accounts: [], account: undefined, standing: undefined,
  recipient: "", amount: "1", faults: {},
  claim: undefined, // signed: submitting it again needs no wallet
  busy: "", trouble: undefined, sent: undefined, evm: false,
}
function set(change) {
  now = { ...now, ...change }
  render(now)
}
const tell = next => set({ status: next })
const tick = () => set({ status: status.ticked(now.status, Date.now()), wallets: wallets(), evm: Boolean(evm.provider()) })

/** The signed-in account's token, from our own server, which holds the API key. The client asks before each request. */
async function token() {
  let answer, body
  try {
    answer = await fetch("/token", { method: "POST", body: JSON.stringify({ ss58Address: now.account.address }), signal: AbortSignal.timeout(10_000) })
    body = await answer.json()
  } catch (cause) {
    throw new ClaimError({ code: "unavailable", message: t.trouble.backEnd.join(". "), retryable: true, cause })
  }
  if (!answer.ok) throw new ClaimError({ ...body, status: answer.status })
  return body.token
}

/** What the list and the contract say of the account and, with a recipient, what is to be signed. */
async function askService(query = {}) {
  const url = new URL("v1/claims/" + now.account.address, service)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const headers = { Authorization: "Bearer " + await token() }
  let answer, body
  try {
    answer = await fetch(url, { headers, signal: AbortSignal.timeout(15_000) })
    body = await answer.json()
  } catch (cause) {
    throw new ClaimError({ code: "unavailable", message: "The service cannot be reached.", retryable: true, cause })
  }
  if (!answer.ok) throw new ClaimError({ ...body, status: answer.status })
  return body
}

// What went wrong, and what to do about it.

/** @param {string} at the step that shows it @param {string[]} words headline and next step @param {any} [why] */
const trouble = (at, [head, next], why) => ({ busy: "", trouble: { at, head, next, detail: why?.message ?? "" } })

/** A refusal of the service says itself what to do next; its headline is that of the status page. */
function refused(at, error) {
  if (!(error instanceof ClaimError)) throw error
  const { code, message, requestId, retryable, retryAfter = 0 } = error
  const [head] = Object.hasOwn(codes, code) ? codes[code] : codes.other(code)
  return { busy: "", trouble: { at, head, next: message, code, requestId, from: Date.now() + retryAfter * 1000, again: retryable && at == "account" } }
}

/** While a question is under way no other may begin; an answer that nobody waits for any more is dropped. */
let question = 0
const asking = busy => { set({ busy, trouble: undefined }); return ++question }

// The account.

async function connect(wallet) {
  const mine = asking("connect")
  let opened
  try {
    opened = await wallet.open()
  } catch (error) {
    if (mine == question) set(trouble("account", t.trouble.notConnected, error))
    return
  }
  if (mine != question) return
  const usable = opened.accounts.filter(a => a.type != "ethereum")
  if (!usable.length) return set(trouble("account", t.trouble.noAccounts))
  set({ wallet: { ...wallet, sign: opened.sign }, accounts: usable, busy: "" })
  $("account").focus()
  await choose(usable[0].address)
}

async function choose(address) {
  const account = now.accounts.find(a => a.address == address)
  set({ account, standing: undefined, claim: undefined })
  if (account.type != "sr25519") return set(trouble("account", t.trouble.wrongKind(account.type)))
  const mine = asking("standing")
  try {
    const standing = await askService()
    if (mine != question) return
    set({ standing, busy: "" })
    if (standing.refusal) set(refused("account", new ClaimError(standing.refusal)))
  } catch (error) {
    if (mine == question) set(refused("account", error))
  }
}

// The claim.

async function claim() {
  const faults = {}, evmAddress = readRecipient(now.recipient, faults)
  const amount = now.standing?.amount ?? readAmount(now.amount, faults)
  set({ faults })
  if (faults.recipient || faults.amount) return $(faults.recipient ? "recipient" : "amount").focus()
  const mine = asking("asking")
  try {
    const signed = now.claim ?? await sign(evmAddress, amount)
    if (!signed || mine != question) return
    set({ claim: signed, busy: "submitting" })
    const { jobId } = await submit(service, signed, { token })
    if (mine != question) return
    set({ busy: "" })
    location.hash = "job=" + jobId // from here on a reload, a second tab and another device find the job
  } catch (error) {
    if (mine == question) set(refused("sign", error))
  }
}

/** Gives the signed claim; nothing when there is none, and says why. */
async function sign(evmAddress, amount) {
  const { address: ss58Address } = now.account
  const asked = await askService(now.standing.eligible === undefined ? { evmAddress, amount } : { evmAddress })
  if (asked.refusal) throw new ClaimError(asked.refusal)
  if (!asked.sign) return set(trouble("sign", t.trouble.nothingToSign))
  const { challenge } = asked.sign
  set({ busy: "signing" })
  let signature
  try {
    signature = await now.wallet.sign(ss58Address, challenge)
  } catch (error) {
    return set(trouble("sign", t.trouble.notSigned, error))
  }
  signature = sr25519Signature(signature)
  if (!signature) return set(trouble("sign", t.trouble.oddSignature))
  return { ss58Address, signature, evmAddress, challenge, amount: asked.amount }
}

// The job.

let watching = new AbortController()

/** The id alone is what reads a job: no token is needed, so the link works on any device. */
async function watch(id) {
  watching.abort()
  const { signal } = watching = new AbortController()
  set({ status: status.watching(now.status, id), sent: undefined, trouble: undefined })
  if (!id) return
  const job = follow(service, id, { signal })
  job.addEventListener("connection", () => {
    if (!signal.aborted) tell({ ...now.status, watched: { ...status.connected(now.status.watched, job.connection, Date.now()), seen: job.lastSeen } })
  })
  try {
    for await (const event of job) tell(status.told({ ...now.status, now: Date.now() }, event.job))
  } catch (error) {
    if (!signal.aborted) tell(status.refused(now.status, error))
  }
}

function navigate() {
  const id = jobIdIn(location.hash)
  if (id == now.status.watched?.id) return
  question++ // whatever was asked is no longer wanted
  set({ busy: "" })
  watch(id)
  if (id) $("job").focus()
}

// The chain.

async function send() {
  const { transaction } = now.status.watched.job, { signal } = watching
  set({ busy: "sending", trouble: undefined })
  let hash
  try {
    hash = await evm.send(transaction)
  } catch (error) {
    const words = evm.declined(error) ? t.trouble.notSent : error instanceof evm.OtherChain ? t.trouble.otherChain(transaction.chainId) : t.trouble.sendFailed
    if (!signal.aborted) set(trouble("job", words, error))
    return
  }
  if (signal.aborted) return
  set({ busy: "", sent: { hash } })
  evm.mined(hash, signal).then(end => set({ sent: { hash, ...end } }), () => {}) // given up with the job
}

// What the controls do.

$("wallets").addEventListener("click", event => {
  const id = event.target instanceof HTMLButtonElement && event.target.dataset.wallet
  if (id && !now.busy) connect(now.wallets.find(w => w.id == id))
})
$("account").addEventListener("change", () => choose($("account").value))
$("disconnect").addEventListener("click", () => {
  question++
  set({ wallet: undefined, accounts: [], account: undefined, standing: undefined, claim: undefined, trouble: undefined, busy: "" })
  $("wallets").querySelector("button")?.focus()
})
for (const field of ["recipient", "amount"]) $(field).addEventListener("input", () =>
  set({ [field]: $(field).value, claim: undefined, faults: { ...now.faults, [field]: "" } }))
$("own").addEventListener("click", async () => {
  try {
    set({ recipient: await evm.account(), claim: undefined, faults: {}, trouble: undefined })
  } catch (error) {
    set(trouble("recipient", t.trouble.noEvmAccount, error))
  }
})
$("claim").addEventListener("submit", event => {
  event.preventDefault()
  if ($("sign").getAttribute("aria-disabled")) return
  claim()
})
$("trouble").addEventListener("click", event => {
  if (event.target instanceof HTMLButtonElement) choose(now.account.address)
})
$("retry").addEventListener("click", () => {
  location.hash = ""
  navigate()
  claim() // the same claim again: what was paid for is picked up
})
$("send").addEventListener("click", () => { if (!$("send").getAttribute("aria-disabled")) send() })
$("copy").addEventListener("click", async () => {
  const { job } = now.status.watched, words = $("copy").textContent
  const done = await navigator.clipboard.writeText(job.transaction?.data ?? job.zkProof).then(() => t.send.copied, () => t.send.press)
  $("copy").textContent = $("status").textContent = done
  setTimeout(() => { $("copy").textContent = words }, 2000)
})

const figures = followStats(service)
figures.addEventListener("connection", () =>
  tell({ ...now.status, service: { ...status.connected(now.status.service, figures.connection, Date.now()), seen: figures.lastSeen } }))
figures.addEventListener("update", event => tell(status.figured({ ...now.status, now: Date.now() }, event.detail.service)))

addEventListener("hashchange", navigate)
setInterval(() => { if (!document.hidden) tick() }, 1000)
document.addEventListener("visibilitychange", () => { if (!document.hidden) tick() })
navigate()
tick()
