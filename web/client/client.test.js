// What the client promises, over real sockets on loopback, once for each way the news can come.
import { afterEach, beforeEach, describe, test as run } from "node:test"
import { setMaxListeners } from "node:events"
import assert from "node:assert/strict"
import { WebSocket } from "ws"
import { quickClock } from "../stub/clock.js"
import { Stub } from "../stub/service.js"
import { cancel, ClaimError, follow, followStats, stats, submit } from "./client.js"

const id = "7f3a91e0-4c1b-4d2a-9f00-0000000000c2"
const claim = { ss58Address: "5G", signature: "0x00", evmAddress: "0x00", challenge: "0x00", amount: "1" }
const proof = { status: "completed", position: undefined, verified: true, verifiedBy: ["groth16"], zkProof: "0x01" }

let stub, stop, clock
beforeEach(async () => {
  stub = await new Stub().listen()
  clock = quickClock()
  stop = new AbortController()
  setMaxListeners(0, stop.signal)
})
afterEach(async () => {
  stop.abort()
  clock.stop()
  await stub.close()
})

const options = more => ({ WebSocket, clock, signal: stop.signal, ...more })

/** What hangs has failed. */
const test = (name, f) => run(name, { timeout: 30_000 }, f)

/** Waits until the clock has gone on. */
const pass = async seconds => { const until = clock.now() + seconds * 1000; while (clock.now() < until) await soon() }
const soon = () => new Promise(resolve => setTimeout(resolve, 5))

/** Waits for an event of a follow that f likes. */
const when = (follow, name, f) => new Promise(resolve => {
  const look = () => { if (f()) { follow.removeEventListener(name, look); resolve(0) } }
  follow.addEventListener(name, look)
  look()
})
const connected = (follow, connection) => when(follow, "connection", () => follow.connection == connection)
const until = (follow, version) => when(follow, "update", () => follow.last?.id >= version)

for (const [way, shown] of [["websocket", "live"], ["sse", "live"], ["poll", "polling"]]) {
  describe("over " + way, () => {
    const only = more => options({ transports: [way], ...more })

    test("a job is followed to its end, and the loop ends by itself", async () => {
      stub.put(id, { position: 2, queueSize: 2 })
      const job = follow(stub.url, id, only()), types = [], versions = []
      for await (const { type, id: version, job: j } of job) {
        types.push(type)
        versions.push(version)
        assert.equal(j.jobId, id)
        if (type == "position") {
          assert.equal(job.connection, shown)
          stub.put(id, { status: "running", position: undefined, phase: "proving" })
        } else if (type == "running") stub.put(id, proof)
      }
      assert.deepEqual(types, ["position", "running", "completed"])
      assert.deepEqual(versions, [1, 2, 3])
      assert.equal((await job.result).zkProof, "0x01")
      assert.equal(job.connection, "ended")
    })

    test("a new place in the queue is told though the version stays", async () => {
      stub.put(id, { position: 3, queueSize: 3 })
      const job = follow(stub.url, id, only())
      await until(job, 1)
      stub.put(id, { position: 1 })
      await when(job, "update", () => job.job.position == 1)
      assert.equal(job.last.id, 1)
    })

    test("a job that fails ends the loop quietly and rejects the result with its reason", async () => {
      stub.put(id, { status: "failed", code: "timeout", message: "It took too long.", retryable: true, retryAfter: 30 })
      const job = follow(stub.url, id, only()), types = []
      for await (const { type } of job) types.push(type)
      assert.deepEqual(types, ["failed"])
      await assert.rejects(job.result, error => error instanceof ClaimError && error.code == "timeout" && error.retryable
        && error.retryAfter == 30 && error.message == "It took too long." && error.status === undefined)
    })

    test("a job that nobody knows ends the loop with not_found", async () => {
      const job = follow(stub.url, id, only())
      await assert.rejects((async () => { for await (const _ of job); })(), { code: "not_found", retryable: false })
      await assert.rejects(job.result, { code: "not_found" })
    })

    test("a token function is asked again when its token has run out, once", async () => {
      stub.token = "new"
      stub.put(id, { position: 1 })
      const tokens = ["old", "new"]
      const job = follow(stub.url, id, only({ token: () => tokens.shift() ?? "new" }))
      await until(job, 1)
      job.close()
      const bad = follow(stub.url, id, only({ token: async () => "bad" }))
      await assert.rejects(bad.result, { code: "unauthorized" })
      const asked = stub.seen.length
      const fixed = follow(stub.url, id, only({ token: "bad" }))
      await assert.rejects(fixed.result, { code: "unauthorized" })
      const tries = stub.seen.slice(asked).filter(s => s.op == "subscribe" || /^GET .*c2/.test(s))
      assert.equal(tries.length, 1, "the same token is of no use a second time")
    })

    test("a service that restarts is found again, and versions never go back", async () => {
      stub.put(id, { position: 1 })
      const job = follow(stub.url, id, only()), versions = []
      job.addEventListener("update", e => versions.push(e.detail.id))
      await until(job, 1)
      const { port } = new URL(stub.url), { jobs } = stub
      await stub.close()
      await connected(job, "offline")
      stub = new Stub()
      stub.jobs = jobs
      stub.put(id, { status: "running" })
      await stub.listen(+port)
      await until(job, 2)
      await stub.close()
      stub = new Stub()
      stub.put(id, { position: 9 }) // an older backup: version 1
      await stub.listen(+port)
      while (!stub.seen.some(s => s.op == "subscribe" || /^GET .*c2/.test(s))) await soon()
      await pass(3)
      stub.put(id, { ...proof, version: 7 })
      await job.result
      assert.deepEqual(versions.filter((v, i) => v != versions[i - 1]), [1, 2, 7])
    })

    test("giving up rejects with the reason and leaves no connection", async () => {
      stub.put(id, { position: 1 })
      const job = follow(stub.url, id, only())
      await connected(job, shown)
      stop.abort()
      await assert.rejects(job.result, { name: "AbortError" })
      await assert.rejects((async () => { for await (const _ of job); })(), { name: "AbortError" })
      while (stub.sockets + stub.streams) await soon()
      assert.equal(clock.waiting, 0)
      assert.equal(job.connection, "ended")
    })

    test("closing ends the loop quietly", async () => {
      stub.put(id, { position: 1 })
      const job = follow(stub.url, id, only())
      for await (const _ of job) job.close()
      await assert.rejects(job.result, { name: "AbortError" })
    })

    test("the figures are followed too", async () => {
      const service = followStats(stub.url, only())
      await when(service, "update", () => service.last)
      stub.figures({ queued: 5 })
      await when(service, "update", () => service.last.service.queued == 5)
      assert.equal(service.id, "")
      assert.ok(service.lastSeen instanceof Date)
    })

    test("a reader who comes late starts with the newest event", async () => {
      stub.put(id, { status: "running" })
      const job = follow(stub.url, id, only())
      await until(job, 1)
      stub.put(id, { phase: "proving" })
      await until(job, 2)
      for await (const { id } of job) {
        assert.equal(id, 2)
        break
      }
    })
  })
}

describe("falling back", () => {
  test("a WebSocket that is refused makes room for server-sent events at once", async () => {
    stub.socket = "refuse"
    stub.put(id, { position: 1 })
    const job = follow(stub.url, id, options())
    await connected(job, "live")
    assert.equal(stub.streams, 1)
  })

  test("a WebSocket that opens and stays silent makes room too", async () => {
    stub.socket = "silent"
    stub.put(id, { position: 1 })
    const job = follow(stub.url, id, options()), began = clock.now()
    await connected(job, "live")
    assert.equal(stub.streams, 1)
    assert.ok(clock.now() - began < 6000)
  })

  test("streams that are held up make room for polling, which still sees the end", async () => {
    stub.socket = "refuse"
    stub.stream = "silent"
    stub.put(id, { position: 1 })
    const job = follow(stub.url, id, options()), began = clock.now()
    await connected(job, "polling")
    assert.ok(clock.now() - began < 8000)
    await pass(60)
    assert.equal(stub.seen.filter(s => s == `GET /v1/jobs/${id}/events`).length, 1, "they are left alone for a while")
    stub.put(id, proof)
    assert.equal((await job.result).zkProof, "0x01")
  })

  test("a poll is answered by the service when there is news, not asked for again and again", async () => {
    stub.put(id, { position: 1 })
    const job = follow(stub.url, id, options({ transports: ["poll"] }))
    await until(job, 1)
    await pass(25)
    assert.equal(stub.seen.length, 2)
    stub.put(id, proof)
    const told = clock.now()
    await job.result
    assert.ok(clock.now() - told < 1000)
  })

  test("a service that lets no poll wait is asked every two seconds", async () => {
    stub.patient = false
    stub.put(id, { position: 1 })
    const job = follow(stub.url, id, options({ transports: ["poll"] }))
    await until(job, 1)
    await pass(20)
    assert.ok(stub.seen.length >= 6 && stub.seen.length <= 12, String(stub.seen.length))
  })

  test("a stream that ends at once, as in a drain, is followed by a question", async () => {
    stub.stream = "over"
    stub.put(id, { position: 1 })
    const job = follow(stub.url, id, options({ transports: ["sse"] }))
    await until(job, 1)
    stub.put(id, proof)
    await job.result
  })

  test("a WebSocket that comes back takes over again, and the streams end", async () => {
    stub.socket = "refuse"
    stub.put(id, { position: 1 })
    const job = follow(stub.url, id, options())
    await connected(job, "live")
    stub.socket = "ok"
    while (!stub.sockets || stub.streams) await soon()
    const fetched = () => stub.seen.filter(s => String(s).startsWith("GET")).length, before = fetched()
    await pass(45)
    assert.equal(fetched(), before)
    stub.put(id, { status: "running" })
    await until(job, 2)
  })

  test("a WebSocket that worked and dies is tried again before anything else", async () => {
    stub.put(id, { position: 1 })
    const job = follow(stub.url, id, options())
    let updates = 0
    job.addEventListener("update", () => updates++)
    await until(job, 1)
    stub.cut()
    await connected(job, "connecting")
    const subscribed = () => stub.seen.filter(s => s.op == "subscribe").map(s => s.lastEventId)
    while (subscribed().length < 2) await soon()
    assert.deepEqual(subscribed(), [undefined, 1])
    await pass(1)
    assert.ok(!stub.seen.some(s => String(s).startsWith("GET")))
    assert.equal(updates, 1, "what is known already is no news")
  })

  test("a connection that goes silent without a word is noticed by its ping", async () => {
    stub.put(id, { position: 1 })
    const job = follow(stub.url, id, options())
    await connected(job, "live")
    stub.socket = "silent"
    await connected(job, "connecting")
    stub.socket = "ok"
    await connected(job, "live")
  })

  test("a stream that loses its comments is opened again where it stopped", async () => {
    stub.put(id, { status: "running" })
    const job = follow(stub.url, id, options({ transports: ["sse"] }))
    await until(job, 1)
    for (let n = 0; n < 5; n++) {
      await pass(14)
      stub.comment()
    }
    assert.ok(!stub.seen.includes("Last-Event-ID 1"))
    while (!stub.seen.includes("Last-Event-ID 1")) await soon()
  })

  test("an ending that was missed is fetched after 204", async () => {
    stub.put(id, { status: "running" })
    const job = follow(stub.url, id, options({ transports: ["sse"] }))
    await until(job, 1)
    stub.stream = "silent" // the next event is lost
    stub.put(id, { ...proof, version: 1 })
    stub.stream = "ok"
    stub.put(id, { version: 2 })
    await job.result
  })
})

describe("many jobs", () => {
  test("a hundred share one connection, within twenty operations a second, in five seconds", async () => {
    const ids = Array.from({ length: 100 }, (_, i) => id.slice(0, -3) + String(100 + i)), sent = []
    class Noted extends WebSocket {
      send(text) {
        sent.push(clock.now())
        super.send(text)
      }
    }
    for (const id of ids) stub.put(id, { position: 1 })
    const jobs = ids.map(id => follow(stub.url, id, options({ WebSocket: Noted })))
    await Promise.all(jobs.map(job => until(job, 1)))
    assert.equal(stub.sockets, 1)
    assert.ok(!stub.seen.some(s => typeof s == "string" && s.startsWith("GET")))
    assert.ok(sent.at(-1) - sent[0] <= 5000)
    sent.forEach((at, i) => assert.ok(i < 20 || at - sent[0] >= (i - 20) * 50, "a bucket of twenty would be empty"))
    for (const id of ids) stub.put(id, proof)
    await Promise.all(jobs.map(job => job.result))
    while (stub.sockets) await soon()
  })

  test("what goes beyond a hundred is fetched, and without a WebSocket four streams do", async () => {
    const ids = Array.from({ length: 103 }, (_, i) => id.slice(0, -3) + String(100 + i))
    for (const id of ids) stub.put(id, { position: 1 })
    let jobs = ids.map(id => follow(stub.url, id, options()))
    await Promise.all(jobs.map(job => until(job, 1)))
    assert.equal(stub.sockets, 1)
    assert.equal(stub.streams, 3)
    jobs[0].close()
    const extra = ids.slice(100)
    while (!stub.seen.some(s => s.op == "subscribe" && extra.includes(s.jobId))) await soon()
    stop.abort()
    stop = new AbortController()
    setMaxListeners(0, stop.signal)
    jobs = ids.map(id => follow(stub.url, id, options({ WebSocket: null })))
    await Promise.all(jobs.map(job => until(job, 1)))
    assert.equal(stub.streams, 4)
    for (const id of ids) stub.put(id, proof)
    await Promise.all(jobs.map(job => job.result))
  })

  test("what nobody follows any more is unsubscribed, unless it has ended", async () => {
    const other = id.replace("7", "8"), third = id.replace("7", "9")
    for (const id of [other, third]) stub.put(id, { position: 1 })
    stub.put(id, { position: 1 })
    const jobs = [id, other, third].map(id => follow(stub.url, id, options()))
    await Promise.all(jobs.map(job => until(job, 1)))
    jobs[0].close()
    stub.put(other, proof)
    await jobs[1].result
    await pass(1)
    assert.deepEqual(stub.seen.filter(s => s.op == "unsubscribe").map(s => s.jobId), [id])
    assert.equal(stub.sockets, 1)
  })

  test("two followers of one job do not disturb each other", async () => {
    stub.put(id, { position: 1 })
    const one = follow(stub.url, id, options())
    await until(one, 1)
    const two = follow(stub.url, id, options())
    assert.equal(two.last.id, 1)
    assert.equal(two.connection, "live")
    one.close()
    stub.put(id, proof)
    await two.result
  })
})

describe("asking", () => {
  test("submit gives the job and sends the token", async () => {
    const { jobId, status } = await submit(stub.url, claim, options({ token: async () => "t" }))
    assert.equal(status, "pending")
    assert.ok(stub.jobs.has(jobId))
    assert.deepEqual(stub.submitted.body, claim)
    assert.equal(stub.submitted.headers.authorization, "Bearer t")
    assert.equal(stub.submitted.headers["content-type"], "application/json")
  })

  test("submit asks again when the answer is lost, three times in all", async () => {
    stub.poll = "down"
    await assert.rejects(submit(stub.url, claim, options()), { code: "unavailable", retryable: true, status: undefined })
    assert.equal(stub.seen.filter(s => s == "POST /v1/jobs").length, 3)
  })

  test("a refusal tells when to come back and which request it was", async () => {
    stub.refusal = [429, "rate_limited", "Too many tries.", 41]
    await assert.rejects(submit(stub.url, claim, options()), error => error.code == "rate_limited" && error.retryable
      && error.retryAfter == 41 && error.requestId == "stub-1" && error.status == 429)
    assert.equal(stub.seen.length, 1)
  })

  test("an answer that is not the service's own still has a code", async () => {
    const fetch = async () => new Response("<h1>502</h1>", { status: 502, headers: { "Retry-After": "7" } })
    await assert.rejects(stats(stub.url, { fetch }), { code: "unavailable", retryable: true, retryAfter: 7, status: 502 })
  })

  test("cancel gives the job back, stats the last hour", async () => {
    stub.put(id, { position: 1 })
    assert.equal((await cancel(stub.url, id, { token: "k" })).code, "cancelled")
    assert.deepEqual((await stats(stub.url + "/#job=" + id)).history, [])
  })

  test("a signal that is aborted already stops everything before it begins", async () => {
    stop.abort()
    assert.throws(() => follow(stub.url, id, options()), { name: "AbortError" })
    await assert.rejects(submit(stub.url, claim, options()), { name: "AbortError" })
    await assert.rejects(stats(stub.url, options()), { name: "AbortError" })
    assert.deepEqual(stub.seen, [])
  })
})
