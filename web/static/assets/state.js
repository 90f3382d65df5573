/**
 * What the page knows, as one value, and what it shows of it. Nothing here touches the document or the network.
 * @module
 */
import * as t from "./texts.js"
import { checked, clock, duration, publicValues, range, rough, tokens } from "./format.js"

/** A page that has heard nothing yet. */
export const start = (now, recent = [], lasting = "") => ({
  now,
  service: { connection: "connecting", since: now }, // figures, at: when they came
  history: [],
  watched: undefined, // { id, connection, since, job, at, refusal, progress, first }
  recent, // { id, word }
  lasting: lasting.split(" "), // kinds of banners that the service wrote into the page: they stand before the figures are there
  fault: "", // in the search field
  cancel: { open: false, sending: false, fault: "" },
  qr: false,
  notify: "hidden", // offer, on, refused
  theme: "auto",
})

export const watching = (state, id) => ({ ...state, fault: "", qr: false, cancel: start(0).cancel,
  watched: id && { id, connection: "connecting", since: state.now, progress: 0, first: 0 } })

/** The connection of the service's or the watched job's news has changed. */
export function connected(part, connection, now) {
  const since = good(connection) || good(part.connection) ? now : part.since
  return { ...part, connection, since, shown: good(connection) ? connection : part.shown }
}
const good = connection => ["live", "polling", "ended"].includes(connection)

export const figured = (state, figures) => ({ ...state, service: { ...state.service, figures, at: state.now } })

/** The watched job has news. */
export function told(state, job) {
  const w = state.watched
  if (w?.id != job.jobId) return state
  const first = Math.max(w.first, job.position ?? 0)
  return ticked({ ...remembered(state, job), watched: { ...w, job, at: state.now, first, refusal: undefined } }, state.now)
}

/** The watched job cannot be read, or no more: what was known of it is no longer so. */
export const refused = (state, refusal) => ({ ...state, watched: state.watched && { ...state.watched, refusal, job: undefined } })

/** Time has passed; progress never runs backwards. */
export function ticked(state, now) {
  const w = state.watched
  if (!w?.job) return { ...state, now }
  return { ...state, now, watched: { ...w, progress: Math.max(w.progress, progress(w, now) ?? 0) } }
}

const kept = 5
function remembered(state, job) {
  const rest = state.recent.filter(r => r.id != job.jobId)
  return { ...state, recent: [{ id: job.jobId, word: headline(job, {})[0] }, ...rest].slice(0, kept) }
}

export const ended = job => job?.status == "completed" || job?.status == "failed"
const mock = job => job.proverMode == "mock"
const checking = job => job.status == "running" && job.verifiedBy?.length > 0

/** Per cent, or nothing when it cannot be known. The queue is the first third, proving the second. */
function progress({ job, first, at }, now) {
  if (job.status == "completed") return 100
  if (job.status == "failed") return
  if (job.status == "pending") return job.position ? 4 + 26 * (1 - (job.position - 1) / Math.max(first, 1)) : undefined
  if (checking(job)) return 95
  const [from, to] = job.etaSeconds ?? []
  if (to === undefined) return
  const gone = now - Date.parse(job.startedAt ?? job.createdAt), left = Math.max(0, (from + to) / 2 * 1000 - (now - at))
  return 30 + 60 * Math.max(0, gone) / Math.max(1, gone + left)
}

const slack = 1200 // ms that a connection may be away before anybody is told

/** Whether news have stopped coming. */
const away = (part, now) => !good(part.connection) && now - part.since > slack

/** Everything the page shows, in words and numbers. */
export function view(state) {
  const { service, watched, now } = state
  const stale = Boolean(service.figures) && away(service, now)
  return {
    connection: badge(service, now),
    banners: banners(state),
    sentence: sentence(state),
    stale,
    loading: !service.figures,
    figures: figures(service.figures),
    hour: hour(service.figures),
    charts: charts(state.history),
    build: build(service.figures),
    recent: state.recent.filter(r => r.id != watched?.id),
    fault: state.fault, theme: state.theme,
    title: documentTitle(watched?.job),
    job: watched && jobView(state),
    announcement: announcement(watched),
  }
}

function badge(part, now) {
  let kind = part.connection
  if (!good(kind) && !away(part, now)) kind = part.shown ?? "connecting"
  else if (kind == "connecting" && part.shown) kind = "reconnecting"
  const seen = kind == "offline" && part.seen ? t.connection.lastSeen(clock(part.seen)) : ""
  return { kind, text: t.connection[kind] + seen }
}

function banners({ service, watched, lasting }) {
  const f = service.figures ?? { proverMode: lasting.includes("mock") && "mock", anonymous: lasting.includes("anonymous") }, shown = []
  if (f.draining) shown.push(t.banners.draining)
  if (f.paused) shown.push(t.banners.paused(f.paused))
  if (f.chainAway) shown.push(t.banners.chainAway)
  if (f.proverMode == "mock" || (watched?.job && mock(watched.job))) shown.push(t.banners.mock)
  if (f.anonymous) shown.push(t.banners.anonymous)
  return shown.map(([kind, text]) => ({ kind, text }))
}

function sentence({ service, now }) {
  const f = service.figures, s = t.sentence
  if (!f) return away(service, now) && service.connection == "offline" ? s.unreachable : s.loading
  if (away(service, now)) return s.stale(clock(service.seen ?? service.at))
  if (f.draining) return s.draining
  if (f.paused) return s.paused
  if (f.chainAway) return s.chainAway
  if (f.queued >= f.capacity) return s.full
  const time = f.proofSeconds && range(f.proofSeconds.p50, f.proofSeconds.p90)
  if (f.queued > 0 && f.running >= f.workers) return time ? s.busy(f.queued, time) : s.busyIdle(f.queued)
  return time ? s.normal(time) : s.idle
}

function figures(f) {
  if (!f) return
  const full = f.queued >= f.capacity
  return {
    waiting: { number: f.queued, words: full ? t.figures.full(f.capacity) : t.figures.of(f.capacity), level: share(f.queued, f.capacity), full },
    proving: { number: f.running, words: t.figures.of(f.workers), level: share(f.running, f.workers) },
    oldest: { number: f.queued ? rough(f.oldestWaitSeconds) : "–", words: f.queued ? "" : t.figures.nobody },
  }
}
const share = (n, of) => of > 0 ? Math.min(1, n / of) : 0

function hour(f) {
  if (!f) return t.hour.loading
  const failed = Object.entries(f.failedLastHour ?? {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1])
  if (!f.completedLastHour && !failed.length) return t.hour.nothing
  const words = failed.map(([code, n]) => Object.hasOwn(t.ended, code) ? t.ended[code](n) : t.ended.other(n, code))
  return [t.hour.ready(f.completedLastHour), ...words].join(" · ")
}

/** The last hour in twelve steps, each { at, completed, failed, p50, p90 }; the times are those of its slowest minute. */
export function charts(history) {
  const steps = []
  for (let i = 0; i + 4 < history.length; i += 5) {
    const five = history.slice(i, i + 5), sum = k => five.reduce((n, m) => n + m[k], 0), top = k => Math.max(...five.map(m => m[k]))
    steps.push({ at: five[0].at, completed: sum("completed"), failed: sum("failed"), p50: top("p50"), p90: top("p90") })
  }
  const total = k => steps.reduce((n, s) => n + s[k], 0), top = k => Math.max(0, ...steps.map(s => s[k]))
  return {
    steps, empty: !steps.some(s => s.completed + s.failed),
    count: t.hour.count(total("completed"), total("failed")),
    countScale: t.hour.countScale(Math.max(0, ...steps.map(s => s.completed + s.failed))), timeScale: t.hour.timeScale(top("p90") ? rough(top("p90")) : "–"),
    time: top("p90") ? t.hour.time(rough(top("p50")), rough(top("p90"))) : t.hour.noTime,
  }
}

function build(f) {
  if (!f) return ""
  const words = [t.mode[f.proverMode] ?? f.proverMode, f.verifies?.length ? t.build.verified(checked(f.verifies)) : t.build.nothing]
  if (f.chainId) words.push(t.build.chain(f.chainId))
  return [...words, t.build.version(f.version)].join(" · ")
}

/** What a job's state is called, and the one next step: [headline, next]. */
export function headline(job, refusal, now) {
  if (!job) return refusal?.code ? t.codes[refusal.code] ?? t.codes.other(refusal.code) : t.job.loading
  if (job.status == "pending") return t.job.pending(job.position, job.queueSize)
  if (job.status == "running") return checking(job) ? t.job.checking : t.job.running(job.phase)
  if (job.status == "failed") {
    const [head, next] = Object.hasOwn(t.codes, job.code ?? "") ? t.codes[job.code] : t.codes.other(job.code)
    return [job.code == "timeout" && job.startedAt && job.finishedAt
      ? t.stoppedAfter(rough((Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000)) : head, next]
  }
  if (mock(job)) return t.job.mock
  return job.verified ? t.job.verified(checked(job.verifiedBy)) : t.job.unverified
}

function documentTitle(job) {
  if (!job) return t.title
  const w = t.job.title
  const word = job.status == "pending" ? job.position ? w.pending(job.position, job.queueSize) : w.running
    : job.status == "completed" && mock(job) ? w.mock : w[job.status]
  return `${word} · ${t.title}`
}

/** What a screen reader is told: states, phases, and every fifth place in line; not each tick. */
function announcement(watched) {
  const job = watched?.job, said = words => words.filter(Boolean).join(". ").replaceAll("..", ".")
  if (!job) return watched?.refusal ? said(headline(job, watched.refusal)) : ""
  const all = words => said([...words, job.warning])
  if (job.status != "pending") return all(headline(job, {}))
  const step = job.position > 5 ? Math.ceil(job.position / 5) * 5 : job.position
  return step == job.position || !watched.first || job.position == watched.first ? all(headline(job, {}).slice(0, 1)) : undefined
}

function jobView({ watched: w, now, cancel, qr, notify }) {
  const { job, refusal } = w
  const failed = job?.status == "failed", stale = !(ended(job)) && !refusal && away(w, now)
  let [head, next] = headline(job, refusal)
  if (stale) [head, next] = job ? [head, t.away] : t.job.unreachable
  const retry = failed && job.retryable && job.retryAfter && Date.parse(job.finishedAt) + job.retryAfter * 1000
  if (retry > now) next += " " + t.retryFrom(clock(retry))
  return {
    id: w.id, connection: badge(w, now), stale: stale && Boolean(job),
    kind: failed && job.code == "cancelled" ? "cancelled" : failed || refusal && !job ? "failed" : job?.status == "completed" ? mock(job) ? "mock" : job.verified ? "ready" : "unverified" : job ? "going" : "loading",
    head, next,
    code: failed ? { code: job.code, message: job.message } : refusal && !job ? { code: refusal.code, message: refusal.message, requestId: refusal.requestId } : undefined,
    warning: job?.warning ?? "",
    progress: !job || ended(job) ? undefined : { value: progress(w, now) === undefined ? undefined : w.progress, ...times(w, now) },
    steps: job ? timeline(job, now) : [],
    result: job?.status == "completed" ? result(job) : undefined,
    facts: job ? facts(job) : [],
    job, qr, cancel, notify: job && !ended(job) ? notify : "hidden",
    cancellable: Boolean(job) && !ended(job), shareable: Boolean(job), worthSharing: Boolean(job) && !failed,
  }
}

function times({ job, at }, now) {
  const began = Date.parse(job.startedAt ?? job.createdAt), gone = Math.max(0, now - began)
  const [from, to] = job.etaSeconds ?? [], since = (now - at) / 1000
  let eta = t.eta.unknown
  if (to !== undefined) {
    const left = to - since
    eta = left <= 0 ? job.status == "running" ? t.eta.late(rough(gone / 1000)) : "" : to > 60 && left < 60 ? t.eta.soon : t.eta.left(range(Math.max(0, from - since), left))
  }
  return { elapsed: job.status == "running" ? t.elapsed(duration(gone)) : "", eta }
}

/** Accepted, in line, proving, checking, ready: each { name, mark, at?, took?, details }. */
function timeline(job, now) {
  const first = type => job.timeline?.find(m => m.type == type)?.at
  const end = job.finishedAt, verified = first("verified"), s = t.steps
  const span = (from, to) => from && duration(Math.max(0, (to ? Date.parse(to) : now) - Date.parse(from)))
  const accepted = { name: s.accepted, mark: "done", at: job.createdAt }
  if (job.cached) return [accepted, { name: s.ready, mark: "done", at: end, note: s.cached }]
  const line = { name: s.line, mark: job.startedAt ? "done" : "now", took: span(job.createdAt, job.startedAt ?? end) }
  const proving = { name: s.proving, mark: "todo", details: [] }
  if (job.startedAt) {
    proving.mark = verified || job.status == "completed" ? "done" : "now"
    proving.took = span(job.startedAt, verified ?? end)
    proving.details = phases(job, verified ?? end, span)
    proving.request = job.request
  }
  const check = { name: s.checking, mark: verified ? "done" : "todo", took: verified && end ? span(verified, end) : "" }
  if (job.status == "completed" && !verified) Object.assign(check, { mark: "none", note: s.notChecked })
  const ready = { name: s.ready, mark: job.status == "completed" ? "done" : "todo", at: job.status == "completed" ? end : undefined }
  const steps = [accepted, line, proving, check, ready]
  if (job.status != "failed") return steps
  const broken = check.mark == "done" || job.code == "verification_failed" ? check : job.startedAt ? proving : line
  for (const step of steps) if (step.mark == "now") step.mark = "done"
  broken.mark = job.code == "cancelled" ? "stopped" : "failed"
  broken.at = end
  return steps.slice(0, steps.indexOf(broken) + 1)
}

function phases(job, end, span) {
  const named = (job.timeline ?? []).filter(m => m.type == "running" && m.phase)
  return named.map((m, i) => ({ name: m.phase, took: span(m.at, named[i + 1]?.at ?? end) }))
}

/** What a finished proof offers. */
function result(job) {
  const calldata = job.transaction?.data, values = publicValues(job.publicValues)
  return {
    calldata, proof: job.zkProof,
    raw: [[t.facts.calldata, calldata], [t.facts.proof, job.zkProof], [t.facts.publicValues, job.publicValues], [t.facts.challenge, values?.challenge]]
      .filter(([, hex]) => hex),
  }
}

/** Rows of [name, words, { code, title, at }]. */
function facts(job) {
  const f = t.facts, v = publicValues(job.publicValues), rows = []
  if (v) {
    rows.push([f.for, v.pubkey, { code: true }], [f.recipient, v.recipient, { code: true }])
    rows.push([f.amount, f.tokens(tokens(v.amount)), { title: f.units(v.amount) }])
  }
  if (job.transaction) rows.push([f.contract, job.transaction.to, { code: true }], [f.chain, String(job.transaction.chainId)])
  if (job.status == "completed") rows.push([f.checked, job.verifiedBy?.length ? checked(job.verifiedBy) : mock(job) ? f.nothing : "–"])
  if (job.expiresAt) rows.push([f.kept, clock(job.expiresAt), { at: job.expiresAt }])
  return rows
}

/** The file that is offered: all that is needed to claim, and nothing of who asked for it. */
export const download = job => ({
  name: `claim-${job.jobId.slice(0, 4)}.json`,
  text: JSON.stringify({
    jobId: job.jobId, proverMode: job.proverMode, verified: job.verified, verifiedBy: job.verifiedBy ?? [],
    zkProof: job.zkProof, publicValues: job.publicValues, decoded: publicValues(job.publicValues),
    claim: job.claim, transaction: job.transaction, finishedAt: job.finishedAt,
  }, undefined, 2) + "\n",
})
