// Readers who leave and come back, machines that sleep, services that have had enough.
import assert from "node:assert/strict"
import { setMaxListeners } from "node:events"
import { afterEach, beforeEach, describe, test as run } from "node:test"
import { WebSocket } from "ws"
import { quickClock } from "../stub/clock.js"
import { Stub } from "../stub/service.js"
import { follow, followStats, submit } from "./client.js"

const id = "7f3a91e0-4c1b-4d2a-9f00-0000000000c2"
const proof = { status: "completed", position: undefined, verified: true, zkProof: "0x01" }
/** What hangs has failed. */
const test = (name, f) => run(name, { timeout: 30_000 }, f)
const soon = () => new Promise(resolve => setTimeout(resolve, 5))
const when = async f => { while (!f()) await soon() }

let stub, stop, clock, page
beforeEach(async () => {
  stub = await new Stub().listen()
  clock = quickClock()
  stop = new AbortController()
  setMaxListeners(0, stop.signal)
  page = new EventTarget()
  globalThis.addEventListener = page.addEventListener.bind(page)
  globalThis.removeEventListener = page.removeEventListener.bind(page)
  globalThis.document = { visibilityState: "visible" }
})
afterEach(async () => {
  stop.abort()
  clock.stop()
  await stub.close()
  for (const name of ["addEventListener", "removeEventListener", "document"]) delete globalThis[name]
})
const options = more => ({ WebSocket, clock, signal: stop.signal, ...more })
const say = name => page.dispatchEvent(new Event(name))
/** Waits until the clock has gone on. */
const pass = async seconds => { const until = clock.now() + seconds * 1000; await when(() => clock.now() >= until) }
const pings = () => stub.seen.filter(s => s.op == "ping").length

async function live(more) {
  stub.put(id, { position: 1 })
  const job = follow(stub.url, id, options(more))
  await when(() => job.last)
  return job
}

describe("a reader who comes back", () => {
  for (const name of ["online", "pageshow", "visibilitychange"]) test(`is served at once on ${name}, whatever was being waited for`, async () => {
    const jobs = [await live(), await live({ WebSocket: null })]
    stub.socket = stub.stream = stub.poll = "down"
    stub.cut()
    await when(() => jobs.every(job => job.connection == "offline"))
    await pass(60)
    await when(() => stub.seen.length && clock.waiting) // between two tries
    stub.socket = stub.stream = stub.poll = "ok"
    stub.put(id, proof)
    const began = clock.now()
    say(name)
    await Promise.all(jobs.map(job => job.result))
    assert.ok(clock.now() - began < 2500, String(clock.now() - began))
  })

  test("has the connection asked whether it is alive, and is told within five seconds", async () => {
    const job = await live()
    stub.socket = "silent"
    const began = clock.now()
    say("visibilitychange")
    await when(() => job.connection != "live")
    assert.ok(clock.now() - began < 6000)
    stub.socket = "ok"
    await when(() => job.connection == "live")
  })

  test("is not served while the page is hidden", async () => {
    const job = await live()
    globalThis.document.visibilityState = "hidden"
    await pass(12) // the alarm that was set when the page was seen
    const before = pings()
    say("visibilitychange")
    await pass(40)
    assert.equal(pings(), before)
    assert.equal(job.connection, "live")
    await pass(30)
    assert.ok(pings() > before, "but not forgotten either")
  })

  test("leaves nothing behind when he has gone", async () => {
    let listeners = 0
    const count = (name, by) => { const f = globalThis[name]; globalThis[name] = (...args) => { listeners += by; f(...args) } }
    count("addEventListener", 1)
    count("removeEventListener", -1)
    const job = await live()
    assert.ok(listeners > 0)
    job.close()
    assert.equal(listeners, 0)
    assert.equal(clock.waiting, 0)
  })
})

describe("a machine that slept", () => {
  test("does not take a connection for dead before it was asked", async () => {
    const job = await live(), changes = []
    job.addEventListener("connection", () => changes.push(job.connection))
    for (let n = 0; n < 3; n++) {
      clock.sleep(3_600_000)
      await pass(8)
    }
    assert.deepEqual(changes, [])
    assert.equal(stub.sockets, 1)
  })

  test("does not mistake a handshake that slept for one that fails", async () => {
    stub.socket = "silent"
    stub.put(id, { position: 1 })
    const service = followStats(stub.url, options())
    await when(() => stub.sockets)
    clock.sleep(3_600_000)
    await pass(0.2)
    assert.equal(stub.seen.filter(s => String(s).startsWith("GET")).length, 0)
    service.close()
  })
})

describe("a service that has had enough", () => {
  test("is asked again when it said, not before", async () => {
    stub.retryAfter = 40
    const job = await live({ transports: ["poll"] })
    stub.poll = "refuse"
    await when(() => job.connection != "polling")
    const began = clock.now()
    stub.poll = "ok"
    stub.put(id, proof)
    await job.result
    assert.ok(clock.now() - began >= 38_000, String(clock.now() - began))
  })

  test("is given time when it closed the connection for our misbehaviour, and little when it drains", async () => {
    const job = await live()
    const back = async code => {
      await when(() => job.connection == "live")
      await pass(6)
      const before = clock.now(), opened = stub.seen.filter(s => String(s).startsWith("UPGRADE")).length
      stub.dismiss(code)
      await when(() => stub.seen.filter(s => String(s).startsWith("UPGRADE")).length > opened)
      return clock.now() - before
    }
    assert.ok(await back(1001) < 2000)
    assert.ok(await back(1013) < 2000)
    assert.ok(await back(1008) > 3000)
  })

  test("may refuse a subscription for the moment: it is asked for again", async () => {
    stub.hiccups = 2
    const job = await live()
    assert.equal(stub.seen.filter(s => s.op == "subscribe").length, 3)
    assert.equal(job.connection, "live")
  })
})

describe("a token", () => {
  test("that cannot be had for the moment is asked for again", async () => {
    for (const transports of [["websocket"], ["poll"]]) {
      let asked = 0
      const job = await live({ transports, token: async () => { if (++asked < 3) throw new TypeError("offline"); return "t" } })
      assert.equal(asked >= 3, true)
      job.close()
    }
  })

  test("that takes its time stops nobody from giving up", async () => {
    const job = follow(stub.url, id, options({ token: () => new Promise(() => {}), transports: ["poll"] }))
    stop.abort()
    await assert.rejects(job.result, { name: "AbortError" })
    assert.deepEqual(stub.seen, [])
    stop = new AbortController()
    const submitted = submit(stub.url, /** @type {any} */ ({}), options({ token: () => new Promise(resolve => setTimeout(resolve, 20)) }))
    stop.abort(new Error("my reason"))
    await assert.rejects(submitted, { message: "my reason" })
    assert.deepEqual(stub.seen, [])
  })
})

test("a reader who falls behind gets the newest, and not more than sixteen", async () => {
  const job = await live()
  const versions = []
  for await (const { id: version } of job) {
    versions.push(version)
    if (version == 1) {
      for (let n = 0; n < 40; n++) stub.put(id, { status: "running", position: undefined, phase: "phase " + n })
      await when(() => job.last.id == 41)
      stub.put(id, proof)
      await when(() => job.last.id == 42)
    }
  }
  assert.deepEqual(versions, [1, ...Array.from({ length: 16 }, (_, i) => 27 + i)])
})

test("an event that is cut into pieces anywhere, or joined by another, is read whole", async () => {
  const event = n => `id: ${n}\nevent: running\ndata: ${JSON.stringify({ type: "running", id: n, job: { jobId: id, version: n, status: "running", phase: "p\u2028äö🙂" } })}\n\n`
  const end = `data: ${JSON.stringify({ type: "completed", id: 9, job: { jobId: id, version: 9, status: "completed", zkProof: "0x" } })}\r\n\r\n`
  const bytes = new TextEncoder().encode("retry:9000\n\n:\n\n" + event(1) + event(2) + ":\n\n" + event(3) + end)
  for (const size of [1, 2, 3, 7, 64, bytes.length]) {
    const fetch = async () => new Response(new ReadableStream({ start(controller) {
      for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size))
    } }), { headers: { "Content-Type": "text/event-stream" } })
    const job = follow(stub.url, id, options({ fetch: /** @type {any} */ (fetch), transports: ["sse"] })), versions = []
    for await (const { id: version, job: j } of job) {
      versions.push(version)
      if (version < 9) assert.equal(j.phase, "p\u2028äö🙂")
    }
    assert.deepEqual(versions, [1, 2, 3, 9])
  }
})
