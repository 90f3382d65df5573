/** Puts what the page knows into the document. Foreign text becomes text and nothing else. @module */
import { bytes, clock, short, tokens } from "./assets/format.js"
import { view } from "./assets/state.js"
import { attribute, badge, el, fill, rows, show, text } from "./assets/view.js"
import * as t from "./words.js"

const $ = id => document.getElementById(id)

/** The address as it is written; the fault when it is none. */
export function readRecipient(written, faults) {
  const address = written.trim()
  if (!/^0x[0-9a-f]{40}$/i.test(address)) faults.recipient = t.recipient.fault
  else if (/^0x0+$/.test(address)) faults.recipient = t.recipient.zero
  return address
}

/** Tokens as they are written, in base units; the fault when they are none. */
export function readAmount(written, faults) {
  const [, whole, fraction = ""] = /^(\d{1,40})(?:[.,](\d{1,18}))?$/.exec(written.trim()) ?? []
  const units = whole && BigInt(whole + fraction.padEnd(18, "0"))
  if (!units) faults.amount = t.amount.fault
  return String(units)
}

export function render(now) {
  const v = view(now.status)
  document.title = v.job ? v.title.replace(/[^·]*$/, " " + t.title) : t.title
  badge($("connection"), v.connection)
  fill($("banners"), v.banners, () => v.banners.map(b => el("p.banner", { "data-kind": b.kind }, b.text)))
  text($("sentence"), v.sentence)
  show($("claim"), !v.job)
  show($("job"), v.job)
  if (v.job) job(v.job, now)
  else form(now)
  if (v.announcement) text($("status"), v.announcement)
  trouble(now)
}

function form(now) {
  const { account, accounts, busy, standing, faults } = now
  const listed = standing?.eligible !== undefined, payable = standing && !standing.refusal
  mark("account", payable ? "done" : "now")
  mark("recipient", !payable ? "todo" : readable(now, listed) ? "done" : "now")
  mark("sign", payable ? "now" : "todo")

  show($("unconnected"), !accounts.length)
  show($("connected"), accounts.length)
  const found = now.wallets.length > 1
  fill($("wallets"), [now.wallets.map(w => w.name), busy], () => [
    ...now.wallets.map(({ id, name }, i) => el(i == 0 ? "button.primary" : "button", { type: "button", "data-wallet": id, "aria-disabled": busy == "connect" || undefined },
      busy == "connect" && i == 0 ? t.wallet.opening : id == "development" ? t.wallet.useDevelopment : t.wallet.connect(name))),
    found ? "" : el("small", {}, t.wallet.none)].filter(Boolean))
  fill($("account"), accounts, () => accounts.map(({ address, name }) =>
    el("option", { value: address }, name == address ? short(address, 8, 6) : `${name} (${short(address, 6, 6)})`)))
  if (account && $("account").value != account.address) $("account").value = account.address
  text($("standing"), busy == "standing" ? t.standing.asking : payable ? words(standing) : "")

  for (const field of ["recipient", "amount"]) if ($(field).value != now[field]) $(field).value = now[field]
  show($("own"), now.evm)
  show($("amount-field"), payable && !listed)
  for (const field of ["recipient", "amount"]) {
    text($(field + "-fault"), faults[field] ?? "")
    attribute($(field), "aria-invalid", faults[field] ? "true" : undefined)
  }

  text($("terms"), terms(now, payable))
  const wait = now.trouble?.from > Date.now() && now.trouble.at == "sign"
  text($("sign"), t.sign[busy] ?? (wait ? t.sign.at(clock(now.trouble.from)) : now.claim ? t.sign.submit : t.sign.sign))
  attribute($("sign"), "aria-disabled", Boolean(busy) || !payable || wait || undefined)
}

function readable({ recipient, amount }, listed) {
  const faults = {}
  readRecipient(recipient, faults)
  if (!listed) readAmount(amount, faults)
  return !Object.keys(faults).length
}

const mark = (step, state) => attribute($("step-" + step), "data-state", state)

function words({ eligible, amount, onChain }) {
  const listed = eligible ? t.standing.listed(tokens(amount)) : t.standing.open
  return onChain?.unlocked ? listed + t.standing.shares(tokens(onChain.unlocked), tokens(onChain.vesting)) : listed
}

function terms({ standing, recipient, amount: written }, payable) {
  if (!standing) return t.terms.first
  if (!payable) return t.terms.closed
  const amount = standing.amount ?? readAmount(written, {})
  const to = /^0x[0-9a-f]{40}$/i.test(recipient.trim()) ? short(recipient.trim()) : t.terms.somebody
  const domain = standing.contract ? t.terms.domain(short(standing.contract), standing.chainId) : "."
  return t.terms.start(/^\d+$/.test(amount) ? tokens(amount) : "…", to) + domain + t.terms.end
}

/** The trouble stands where it came from. */
function trouble({ trouble: it }) {
  const box = $("trouble")
  if (it?.at == "job" && box.parentElement != $("result")) $("send-note").after(box)
  if (it && it.at != "job" && box.parentElement != $("step-" + it.at)) $("step-" + it.at).append(box)
  show(box, it)
  fill(box, it, () => it ? [
    el("h3", {}, it.head), el("p", {}, it.next),
    it.code ? el("p.note", {}, el("code", {}, it.code), it.requestId ? t.requestId(it.requestId) : "") : it.detail ? el("p.note", {}, it.detail) : "",
    it.again ? el("button", { type: "button" }, t.again) : ""].filter(Boolean) : [])
}

function job(v, now) {
  const { job: j, result, progress } = v
  attribute($("job"), "data-kind", v.kind)
  badge($("job-connection"), v.connection)
  show($("job-connection"), v.connection.kind != "ended")
  text($("job-id"), short(v.id, 8, 4))
  attribute($("job-id"), "title", v.id)
  attribute($("job-link"), "href", document.documentElement.dataset.service + "/#job=" + v.id)
  text($("headline"), v.head)
  text($("next"), v.next)
  show($("code"), v.code)
  if (v.code) fill($("code"), v.code, () => [el("code", {}, v.code.code ?? ""), v.code.message ? " " + v.code.message : "", v.code.requestId ? t.requestId(v.code.requestId) : ""])
  show($("progress"), progress)
  if (progress) {
    attribute($("progress").firstElementChild, "value", progress.value?.toFixed(1))
    text($("elapsed"), progress.elapsed)
    text($("eta"), progress.eta)
  }
  show($("result"), result)
  if (result) finished(j, v.facts, now)
  show($("after"), !progress)
  show($("retry"), j?.status == "failed" && j.retryable && now.claim)
}

function finished(j, facts, { busy, sent, evm }) {
  const { transaction, zkProof } = j
  show($("send"), transaction)
  text($("send"), busy == "sending" ? t.send.asking : sent ? t.send.sent : t.send.send)
  attribute($("send"), "aria-disabled", !evm || busy == "sending" || Boolean(sent) || undefined)
  show($("copy"), transaction || zkProof != "0x")
  $("copy").classList.toggle("primary", !evm || !transaction)
  $("send").classList.toggle("primary", evm)
  if (![t.send.copied, t.send.press].includes($("copy").textContent)) text($("copy"), transaction ? t.send.copy : t.send.copyProof)
  text($("send-note"), note(j, sent, evm))
  fill($("facts"), facts, () => facts.flatMap(rows))
  show($("raw"), transaction)
  if (transaction) {
    text($("raw").lastElementChild, transaction.data)
    attribute($("raw").lastElementChild, "aria-label", `Calldata, ${bytes(transaction.data)} bytes`)
  }
}

function note({ transaction, proverMode }, sent, evm) {
  if (!transaction) return t.send.noList
  if (sent?.accepted) return t.send.accepted(short(sent.hash), sent.block)
  if (sent?.accepted === false) return t.send.reverted(short(sent.hash))
  if (sent) return t.send.waiting(short(sent.hash))
  if (!evm) return t.send.none
  return proverMode == "mock" ? t.send.mock : t.send.ready
}
