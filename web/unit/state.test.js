import assert from "node:assert/strict"
import { test } from "node:test"
import * as s from "../static/assets/state.js"
import { idle } from "../stub/service.js"

const id = "7f3a91e0-4c1b-4d2a-9f00-1b2c3d4e5fc2"
const t0 = Date.parse("2026-11-24T12:00:00.000Z"), at = seconds => new Date(t0 + seconds * 1000).toISOString()
const plain = words => words?.replaceAll("\u00a0", " ").replaceAll("\u2060", "")

const live = (figures = {}, now = t0) => {
  const state = s.figured(s.start(now), { ...idle, ...figures })
  return { ...state, service: s.connected(state.service, "live", now) }
}
const watched = (job, now = t0) => {
  const state = s.watching(live({}, now), id)
  return s.told({ ...state, watched: s.connected(state.watched, "live", now) }, { jobId: id, version: 1, proverMode: "network", createdAt: at(0), status: "pending", ...job })
}
const later = (state, seconds) => s.ticked(state, state.now + seconds * 1000)

test("the one sentence says what a newcomer needs", () => {
  const sentence = figures => plain(s.view(live(figures)).sentence)
  assert.equal(s.view(s.start(t0)).sentence, "Asking the service…")
  assert.equal(sentence({}), "Working normally. A proof usually takes minutes.")
  assert.equal(sentence({ proofSeconds: { p50: 250, p90: 415 } }), "Working normally. A proof takes about 4–7 min right now.")
  assert.equal(sentence({ queued: 12, running: 4, proofSeconds: { p50: 250, p90: 415 } }), "Busy: 12 in line. A proof takes about 4–7 min, plus the wait.")
  assert.equal(sentence({ queued: 50 }), "The line is full. New claims are refused until a place is free.")
  assert.match(sentence({ queued: 50, paused: "x", draining: true }), /^Restarting/)
  assert.match(sentence({ queued: 50, chainAway: true }), /^The chain cannot be asked right now/)
  assert.equal(sentence({ queued: 50, paused: "The contract is upgraded." }), "Paused. Running proofs finish; new claims are refused for now.")
})

test("a lost connection is told after a second, and the figures are then never shown as live", () => {
  const lost = { ...live(), service: s.connected({ ...live().service, seen: t0 }, "offline", t0) }
  assert.equal(s.view(later(lost, 1)).stale, false)
  assert.equal(s.view(later(lost, 1)).connection.kind, "live")
  const v = s.view(later(lost, 2))
  assert.equal(v.stale, true)
  assert.equal(v.connection.kind, "offline")
  assert.match(v.connection.text, /last seen \d\d:\d\d:\d\d/)
  assert.match(v.sentence, /figures are as of/)
})

test("trying again does not make a lost connection young", () => {
  let { service } = live()
  service = s.connected(service, "offline", t0)
  service = s.connected(service, "connecting", t0 + 5000)
  const v = s.view({ ...live(), service, now: t0 + 5100 })
  assert.equal(v.stale, true)
  assert.equal(v.connection.kind, "reconnecting")
})

test("banners come worst first", () => {
  const kinds = figures => s.view(live(figures)).banners.map(b => b.kind)
  assert.deepEqual(kinds({ anonymous: true, proverMode: "mock", paused: "x", draining: true, chainAway: true }), ["draining", "paused", "chain-away", "mock", "anonymous"])
  assert.equal(s.view(live({ paused: "The contract is upgraded." })).banners[0].text, "New claims are refused for now: The contract is upgraded.")
  assert.deepEqual(kinds({}), [])
})

test("banners that last stand before the figures are there, and go by the figures then", () => {
  const first = s.start(t0, [], "mock anonymous"), kinds = state => s.view(state).banners.map(b => b.kind)
  assert.deepEqual(kinds(first), ["mock", "anonymous"])
  assert.deepEqual(kinds(s.figured(first, live().service.figures)), [])
  assert.deepEqual(kinds(s.start(t0)), [])
})

test("failures of the last hour are told in words, the most frequent first", () => {
  const hour = figures => s.view(live(figures)).hour
  assert.equal(hour({ completedLastHour: 31, failedLastHour: { verification_failed: 1, timeout: 4 } }), "31 ready · 4 timed out · 1 refused by the verifier")
  assert.equal(hour({ failedLastHour: { constructor: 2 } }), "0 ready · 2 constructor")
  assert.equal(hour({ failedLastHour: null }), "Nothing has ended in the last hour.")
})

test("progress never runs backwards", () => {
  let state = watched({ position: 12, queueSize: 12 }), bars = []
  const bar = () => { bars.push(s.view(state).job.progress?.value ?? bars.at(-1)) }
  bar()
  for (const change of [{ position: 6 }, { position: 9 }, { position: 1 },
    { version: 2, status: "running", startedAt: at(10), etaSeconds: [100, 200] }, { version: 3, status: "running", startedAt: at(10), etaSeconds: [900, 990] },
    { version: 4, status: "running", startedAt: at(10), verifiedBy: ["groth16"] }]) {
    state = s.told(later(state, 20), { ...state.watched.job, position: undefined, ...change })
    bar()
  }
  assert.deepEqual(bars, bars.toSorted?.((a, b) => a - b) ?? [...bars].sort((a, b) => a - b))
  assert.ok(bars.at(-1) <= 95 && bars[0] > 0)
})

test("an expected time counts down in its range, and says so when it is over", () => {
  const state = watched({ status: "running", startedAt: at(-60), etaSeconds: [100, 200] })
  const eta = seconds => plain(s.view(later(state, seconds)).job.progress.eta)
  assert.equal(eta(0), "about 2–4 min left")
  assert.equal(eta(60), "about 1–3 min left")
  assert.equal(eta(150), "less than a minute left")
  assert.equal(eta(200), "taking longer than usual (4 min), still running")
  assert.equal(plain(s.view(watched({ status: "running", startedAt: at(0) })).job.progress.eta), "usually minutes")
})

test("every state has a headline, a next step and a title", () => {
  const shown = job => { const v = s.view(watched(job)); return [v.job.head, v.title, v.job.kind] }
  assert.deepEqual(shown({ position: 3, queueSize: 12 }), ["In line: 3 of 12", "⏳ 3/12 · claimprover", "going"])
  assert.deepEqual(shown({ status: "running", phase: "proving" }), ["Proving (step 2 of 4: proving)", "⏳ Proving · claimprover", "going"])
  assert.deepEqual(shown({ status: "completed", verified: true, verifiedBy: ["groth16"] }), ["Proof ready and checked", "✓ Proof ready · claimprover", "ready"])
  assert.deepEqual(shown({ status: "completed", verified: false }), ["Proof ready, not checked here", "✓ Proof ready · claimprover", "unverified"])
  assert.deepEqual(shown({ status: "completed", verified: false, proverMode: "mock" }), ["Test proof (not valid on chain)", "✓ Test proof · claimprover", "mock"])
  assert.deepEqual(shown({ status: "failed", code: "cancelled" }), ["Cancelled", "✕ Stopped · claimprover", "cancelled"])
  assert.deepEqual(shown({ status: "failed", code: "timeout", startedAt: at(0), finishedAt: at(600) }).map(plain), ["Stopped after 10 min", "✕ Stopped · claimprover", "failed"])
  assert.deepEqual(shown({ status: "failed", code: "toString" }), ["Stopped", "✕ Stopped · claimprover", "failed"])
})

test("a mock job keeps its banner wherever it is shown", () => {
  assert.deepEqual(s.view(watched({ proverMode: "mock" })).banners.map(b => b.kind), ["mock"])
})

test("a failure that may pass says when to try again", () => {
  const state = watched({ status: "failed", code: "rpc_unavailable", retryable: true, retryAfter: 30, finishedAt: at(0) })
  assert.match(s.view(state).job.next, /Try again from \d\d:\d\d:30\.$/)
  assert.doesNotMatch(s.view(later(state, 31)).job.next, /Try again from/)
})

test("the timeline ends where the job ended", () => {
  const marks = job => s.view(watched(job)).job.steps.map(x => x.mark)
  const run = { startedAt: at(60), timeline: [{ type: "accepted", at: at(0) }, { type: "running", at: at(60) }, { type: "running", phase: "proving", at: at(61) }] }
  assert.deepEqual(marks({ position: 1 }), ["done", "now", "todo", "todo", "todo"])
  assert.deepEqual(marks({ status: "running", ...run }), ["done", "done", "now", "todo", "todo"])
  assert.deepEqual(marks({ status: "failed", code: "cancelled", finishedAt: at(9) }), ["done", "stopped"])
  assert.deepEqual(marks({ status: "failed", code: "timeout", finishedAt: at(99), ...run }), ["done", "done", "failed"])
  assert.deepEqual(marks({ status: "failed", code: "verification_failed", finishedAt: at(99), ...run }), ["done", "done", "done", "failed"])
  assert.deepEqual(marks({ status: "completed", verified: false, finishedAt: at(99), ...run }), ["done", "done", "done", "none", "done"])
  assert.deepEqual(marks({ status: "completed", cached: true, finishedAt: at(0) }), ["done", "done"])
})

test("a screen reader hears changes of state and every fifth place, not each tick", () => {
  let state = watched({ position: 12, queueSize: 12 }), heard = [s.view(state).announcement]
  for (let position = 11; position > 0; position--) {
    state = s.told(state, { ...state.watched.job, position })
    const words = s.view(state).announcement
    if (words !== undefined) heard.push(words)
  }
  assert.deepEqual(heard.map(w => /\d+/.exec(w)[0]), ["12", "10", "5", "4", "3", "2", "1"])
})

test("a deadline that is close is shown with the job, and said", () => {
  const warning = "The contract takes claims until 2026-11-25T00:00:00Z. Send this one before."
  for (const job of [{ position: 2, queueSize: 2 }, { status: "running" }, { status: "completed", verified: true }]) {
    const v = s.view(watched({ ...job, warning }))
    assert.equal(v.job.warning, warning)
    assert.ok(v.announcement.endsWith(". " + warning), v.announcement)
    assert.ok(!v.announcement.includes(".."), v.announcement)
  }
  assert.equal(s.view(watched({ position: 1 })).job.warning, "")
})

test("the last five jobs are remembered, the newest first, each once", () => {
  let state = live()
  for (const n of [1, 2, 3, 4, 5, 6, 3]) state = s.told(s.watching(state, "job" + n), { jobId: "job" + n, status: "pending", position: 1, queueSize: 1, createdAt: at(0) })
  assert.deepEqual(state.recent.map(r => r.id), ["job3", "job6", "job5", "job4", "job2"])
})

test("news of another job than the one watched are not taken", () => {
  const state = watched({ position: 1 })
  assert.equal(s.told(state, { jobId: "other", status: "failed" }), state)
})

test("a job that cannot be read says why and what to do", () => {
  const v = s.view(s.refused(s.watching(live(), id), { code: "not_found", message: "There is no such job.", requestId: "r1" })).job
  assert.equal(v.head, "No such job, or it has expired")
  assert.equal(v.kind, "failed")
  assert.deepEqual(v.code, { code: "not_found", message: "There is no such job.", requestId: "r1" })
})

test("the last hour is drawn in twelve steps", () => {
  const history = Array.from({ length: 60 }, (_, i) => ({ at: at(60 * i), completed: 1, failed: i == 7 ? 2 : 0, p50: i, p90: 2 * i }))
  const { steps, count, empty } = s.charts(history)
  assert.equal(steps.length, 12)
  assert.deepEqual(steps[1], { at: at(300), completed: 5, failed: 2, p50: 9, p90: 18 })
  assert.match(count, /^60 ready and 2 failed/)
  assert.equal(empty, false)
  assert.equal(s.charts([]).empty, true)
})

test("the file holds all that a claim needs and nothing of who asked for it", () => {
  const { name, text } = s.download({ jobId: id, proverMode: "network", zkProof: "0x01", verified: true, claim: { merkleProof: [] }, urls: {} })
  assert.equal(name, "claim-7f3a.json")
  assert.deepEqual(Object.keys(JSON.parse(text)), ["jobId", "proverMode", "verified", "verifiedBy", "zkProof", "claim"])
})
