// The service behind the proxies of docs/deploy.md, which are run as their example files say.
import assert from "node:assert/strict"
import { connect } from "node:http2"
import { get, request } from "node:https"
import { get as getPlain } from "node:http"
import { after, before, describe, test } from "node:test"
import { WebSocket } from "ws"
import { submit } from "../client/client.js"
import { launch, open } from "./browser.js"
import { proxy } from "./proxies.js"
import { cases, key, serve, signedClaim } from "./service.js"

const seconds = 1000
const pass = ms => new Promise(resolve => setTimeout(resolve, ms))
const insecure = { rejectUnauthorized: false } // the certificate is the test's own

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

// Both at once: each has to be silent for more than a minute.
describe("a proxy", { concurrency: true }, () => {
  for (const name of /** @type {const} */ (["nginx", "caddy"])) describe(name, { concurrency: true }, () => behind(name))
})

/** @param {"nginx" | "caddy"} name */
function behind(name) {
  let service, front
  before(async () => {
    service = await serve({
      MOCK_DELAY: "4s", TRUSTED_PROXIES: "127.0.0.1/32", ALLOW_ANONYMOUS: "true", IP_RATE_LIMIT_MAX_REQUESTS: "3", CORS_ALLOWED_ORIGINS: "https://dapp.example",
    })
    front = await proxy(name, service.port)
  })
  after(async () => {
    await front?.stop()
    await service?.stop()
  })
  const job = async number => (await submit(service.url, signedClaim(number), { token: key })).jobId

  test("the page comes over HTTP/2 and follows a job to its end over a WebSocket", async t => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    t.after(() => context.close())
    const { page, faults } = await open(context), sockets = [], streams = []
    page.on("websocket", ws => sockets.push(ws.url()))
    page.on("request", r => { if (r.url().endsWith("/events")) streams.push(r.url()) })
    await page.goto(front.url) // the page is there when the job begins, however slow it was
    await page.goto(front.url + "/#job=" + await job())
    await page.locator("#headline", { hasText: "Proving" }).waitFor()
    await page.locator("#headline", { hasText: "Test proof" }).waitFor()
    assert.deepEqual(sockets, [front.url.replace("https", "wss") + "/v1/events"])
    assert.deepEqual(streams, [])
    assert.equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2")
    assert.deepEqual(faults, [])
  })

  for (const version of ["1.1", "2"]) test(`events pass as they happen over HTTP/${version}`, async () => {
    const id = await job(), late = [], types = []
    let text = "", end = () => {}
    const ended = new Promise(resolve => { end = () => resolve(0) })
    const heard = chunk => {
      text += chunk
      const rows = text.split("\n")
      text = rows.pop() ?? ""
      for (const row of rows) {
        if (!row.startsWith("data:")) continue
        const event = JSON.parse(row.slice(5))
        types.push(event.type)
        if (types.length > 1) late.push(Date.now() - Date.parse(event.job.timeline.at(-1).at)) // the first is as old as the job's last change
      }
    }
    const path = `/v1/jobs/${id}/events`
    if (version == "2") {
      const session = connect(front.url, insecure)
      session.request({ ":path": path, accept: "text/event-stream" }).setEncoding("utf8").on("data", heard).on("end", () => { session.close(); end() })
    } else get(front.url + path, { ...insecure, headers: { Accept: "text/event-stream" } }, res => res.setEncoding("utf8").on("data", heard).on("end", end))
    await ended
    assert.equal(types.at(-1), "completed")
    assert.ok(late.length >= 2, types.join())
    assert.ok(Math.max(...late) < 1 * seconds, `${late} ms late`)
  })

  test("each client has a rate of its own, whatever it says of itself", async () => {
    /** A submission without a credential that counts and is good for nothing else. */
    const knock = (localAddress, forged) => new Promise((resolve, reject) => {
      const headers = { "Content-Type": "application/json", "X-Forwarded-For": forged, "X-Real-IP": forged, Forwarded: "for=" + forged }
      request(front.url + "/v1/jobs", { ...insecure, method: "POST", localAddress, headers }, res => { res.resume(); resolve(res.statusCode) }).on("error", reject).end("{}")
    })
    for (let n = 0; n < 3; n++) assert.equal(await knock("127.0.0.2", "198.51.100." + n), 400)
    assert.equal(await knock("127.0.0.2", "198.51.100.9"), 429)
    assert.equal(await knock("127.0.0.3", "198.51.100.9"), 400)
  })

  test("silences of more than a minute end nothing", { timeout: 120 * seconds }, async t => {
    const id = await job(cases.timeout)
    await pass(5 * seconds) // its phases are over; it never ends by itself
    const began = Date.now(), tag = (await fetch(`${service.url}/v1/jobs/${id}`)).headers.get("ETag")
    let over = false, comments = 0, closed = 0, pongs = 0
    const stream = get(`${front.url}/v1/jobs/${id}/events`, { ...insecure, headers: { Accept: "text/event-stream" } }, res => {
      res.setEncoding("utf8").on("data", text => { comments += text.split("\n").filter(row => row.startsWith(":")).length }).on("close", () => { over = true })
    })
    const sockets = [`/v1/jobs/${id}/events`, "/v1/events"].map(path => new WebSocket(front.url.replace("https", "wss") + path, { ...insecure, origin: front.url }))
    for (const socket of sockets) socket.on("close", () => closed++).on("message", data => { if (JSON.parse(String(data)).type == "pong") pongs++ }).on("error", () => {})
    t.after(() => { stream.destroy(); sockets.forEach(s => s.terminate()) })
    const held = await new Promise((resolve, reject) => get(`${front.url}/v1/jobs/${id}`, { ...insecure, headers: { Prefer: "wait=60", "If-None-Match": tag } },
      res => { res.resume(); resolve(res.statusCode) }).on("error", reject))
    assert.equal(held, 304)
    assert.ok(Date.now() - began >= 59 * seconds)
    await pass(66 * seconds - (Date.now() - began))
    assert.equal(over, false)
    assert.ok(comments >= 4, `${comments} comments`)
    assert.equal(closed, 0)
    sockets.forEach(s => s.send(`{"op":"ping"}`))
    while (pongs < 2) await pass(20)
  })

  test("its log has neither job ids nor tokens", async () => {
    const id = crypto.randomUUID(), secret = "secret-of-mine-0123456789"
    const visit = (path, headers = {}) => new Promise((resolve, reject) => get(front.url + path, { ...insecure, headers }, res => { res.resume(); res.on("end", resolve) }).on("error", reject))
    for (const path of [`/v1/jobs/${id}`, `/v1/jobs/${id}/events`, `/status/${id}`]) await visit(path + "?access_token=" + secret, { "X-API-Key": secret, Authorization: "Bearer " + secret })
    await visit("/livez?last=1")
    let log
    do log = await front.log(); while (!log.includes("/livez"))
    assert.equal(log.split(id.slice(0, 4) + "...").length - 1, 3, log)
    for (const word of [id.slice(4), secret]) assert.ok(!log.includes(word), log)
  })

  if (name == "nginx") test("http:// leads to https://", async () => {
    const res = await new Promise((resolve, reject) => getPlain(`http://127.0.0.1:${front.plain}/x?y=1`, resolve).on("error", reject))
    res.resume()
    assert.equal(res.statusCode, 301)
    assert.equal(res.headers.location, "https://prover.example/x?y=1")
  })
}
