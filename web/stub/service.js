/**
 * A service that speaks the wire contract out of memory: what the client and the page are tested against where the real
 * one cannot be made to misbehave. Nothing in it proves, checks or limits anything.
 * @module
 */
import { createServer } from "node:http"
import { readFile } from "node:fs/promises"
import { WebSocketServer } from "ws"

const types = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml", ts: "text/plain" }

/** The figures of an idle service. */
export const idle = Object.freeze({
  queued: 0, running: 0, capacity: 50, workers: 4, oldestWaitSeconds: 0, completedLastHour: 0, failedLastHour: {},
  proverMode: "network", verifies: ["groth16", "onchain"], chainId: 8453, draining: false, version: "1.4.0",
})

export class Stub {
  /** What is told of the service. */
  service = { ...idle }
  history = []
  jobs = new Map()
  /** How the ways out behave: `ok`, `refuse` (no upgrade, or 503), `silent` (taken, then nothing), `down` (cut at once). */
  socket = "ok"
  stream = "ok"
  poll = "ok"
  retryAfter = 1
  /** Milliseconds until a socket says its first word. */
  latency = 0
  /** Whether long-polls wait. */
  patient = true
  /** The token that reads need, if any. */
  token = ""
  /** How many subscriptions are still to be refused for the moment. */
  hiccups = 0
  /** Requests and operations that came in, in order. */
  seen = []
  #version = 1
  #sockets = new Set()
  #streams = new Set()
  #polls = new Set()

  constructor() {
    this.server = createServer((req, res) => this.#answer(req, res))
    const upgrades = new WebSocketServer({ noServer: true })
    this.server.on("upgrade", (req, socket, head) => {
      this.seen.push("UPGRADE " + req.url)
      socket.on("error", () => {})
      if (this.socket == "down") return socket.destroy()
      if (this.socket == "refuse") return socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n")
      upgrades.handleUpgrade(req, socket, head, ws => this.#socketOpened(ws))
    })
  }

  /** @param {number} [port] */
  async listen(port = 0) {
    await new Promise(resolve => this.server.listen(port, "127.0.0.1", () => resolve(0)))
    this.url = `http://127.0.0.1:${this.server.address().port}`
    return this
  }

  async close() {
    this.cut()
    this.server.closeAllConnections()
    await new Promise(resolve => this.server.close(resolve))
  }

  /** A sign of life on every stream. */
  comment() { for (const { res } of this.#streams) res.write(":\n\n") }

  /** Closes every socket with a code. */
  dismiss(code) { for (const ws of this.#sockets) ws.close(code) }

  /** Ends every stream, socket and long-poll as a crash would. */
  cut() {
    for (const ws of this.#sockets) ws.terminate()
    for (const { res } of this.#streams) res.destroy()
    for (const { res } of this.#polls) res.destroy()
  }

  get sockets() { return this.#sockets.size }
  get streams() { return this.#streams.size }

  /** Writes a job's next version and tells whoever follows it. @returns the job */
  put(jobId, change) {
    const old = this.jobs.get(jobId) ?? { jobId, version: 0, status: "pending", createdAt: new Date().toISOString(), proverMode: this.service.proverMode }
    const moved = change.position !== undefined && old.status == "pending" && !change.status && old.version
    const job = { ...old, ...change, version: change.version ?? (moved ? old.version : old.version + 1) }
    for (const k of Object.keys(job)) if (job[k] === undefined) delete job[k]
    this.jobs.set(jobId, job)
    const event = eventOf(job)
    for (const ws of this.#sockets) if (this.socket == "ok" && ws.jobs.has(jobId)) this.#toSocket(ws, event)
    for (const s of this.#streams) if (this.stream == "ok" && s.id == jobId) this.#toStream(s, event)
    for (const p of this.#polls) if (p.id == jobId) p.answer()
    return job
  }

  /** Changes the figures and tells whoever follows them. */
  figures(change) {
    Object.assign(this.service, change)
    this.#version++
    const event = this.#serviceEvent()
    for (const ws of this.#sockets) if (this.socket == "ok") this.#toSocket(ws, event)
    for (const s of this.#streams) if (this.stream == "ok" && !s.id) this.#toStream(s, event)
  }

  #serviceEvent() { return { type: "service", id: this.#version, service: this.service } }

  #socketOpened(ws) {
    ws.jobs = new Set()
    this.#sockets.add(ws)
    ws.on("close", () => this.#sockets.delete(ws))
    ws.on("error", () => {})
    if (this.socket == "silent") return
    const speak = () => this.#toSocket(ws, this.#serviceEvent())
    if (this.latency) setTimeout(() => ws.readyState == 1 && speak(), this.latency)
    else speak()
    ws.on("message", data => {
      if (this.socket == "silent") return
      const op = JSON.parse(String(data))
      this.seen.push(op)
      if (op.op == "ping") return this.#toSocket(ws, { type: "pong" })
      if (op.op == "unsubscribe") return ws.jobs.delete(op.jobId)
      const job = this.jobs.get(op.jobId)
      if (this.hiccups > 0 && this.hiccups--) return this.#toSocket(ws, { type: "error", jobId: op.jobId, code: "unavailable", message: "The store is away." })
      const refuse = (code, message) => this.#toSocket(ws, { type: "error", jobId: op.jobId, code, message })
      if (this.token && op.token != this.token) return refuse("unauthorized", "The token is not good.")
      if (!job) return refuse("not_found", "There is no such job, or it has expired.")
      ws.jobs.add(op.jobId)
      if (job.version > (op.lastEventId ?? 0) || job.status == "pending") this.#toSocket(ws, eventOf(job))
    })
  }

  #toSocket(ws, message) {
    ws.send(JSON.stringify(message))
    if (ended(message.job)) ws.jobs.delete(message.job.jobId)
  }

  #toStream(stream, event) {
    stream.res.write(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    if (ended(event.job)) stream.res.end()
  }

  async #answer(req, res) {
    const url = new URL(req.url, "http://x"), path = url.pathname
    this.seen.push(`${req.method} ${path}`)
    res.setHeader("X-Request-Id", "stub-" + this.seen.length)
    const id = /^\/v1\/jobs\/([^/]+)/.exec(path)?.[1]
    const streams = path.endsWith("/events")
    if (path.startsWith("/v1/") && (streams ? this.stream : this.poll) == "down") return res.destroy()
    if (id && this.token && req.headers.authorization != "Bearer " + this.token) return fail(res, 401, "unauthorized", "The token is not good.")
    if (id && !this.jobs.has(id)) return fail(res, 404, "not_found", "There is no such job, or it has expired.")
    if (streams) return this.#events(req, res, id)
    if (path.startsWith("/v1/") && this.poll == "refuse") return fail(res, 503, "unavailable", "The store is away.", this.retryAfter)
    if (path == "/v1/stats") return json(res, 200, { ...this.service, history: this.history })
    if (req.method == "POST" && path == "/v1/jobs") return this.#submit(req, res)
    if (req.method == "DELETE" && id) this.deleted = req.headers.authorization
    if (req.method == "DELETE" && id) return json(res, 200, this.put(id, { status: "failed", code: "cancelled", message: "Cancelled by its owner." }))
    if (id) return this.#job(req, res, id)
    return this.#file(path, res)
  }

  async #submit(req, res) {
    let body = ""
    for await (const chunk of req) body += chunk
    if (this.refusal) return fail(res, ...this.refusal)
    const jobId = crypto.randomUUID()
    this.submitted = { body: JSON.parse(body), headers: req.headers }
    json(res, 202, this.put(jobId, { position: 1, queueSize: 1 }))
  }

  #job(req, res, id) {
    const tag = () => `"${this.jobs.get(id).version}-${this.jobs.get(id).position ?? 0}"`
    const wait = +(/wait=(\d+)/.exec(req.headers.prefer ?? "")?.[1] ?? 0)
    const known = req.headers["if-none-match"]
    const answer = () => {
      clearTimeout(poll.timer)
      this.#polls.delete(poll)
      res.setHeader("ETag", tag())
      if (tag() == known) return res.writeHead(304).end()
      json(res, 200, this.jobs.get(id))
    }
    const poll = { id, res, answer, timer: setTimeout(answer, wait && this.patient && tag() == known ? wait * 1000 : 0) }
    this.#polls.add(poll)
    res.on("close", () => { clearTimeout(poll.timer); this.#polls.delete(poll) })
  }

  #events(req, res, id) {
    if (this.stream == "refuse") return fail(res, 503, "unavailable", "No streams here.")
    const last = +(req.headers["last-event-id"] ?? 0), job = this.jobs.get(id)
    this.seen.push("Last-Event-ID " + last)
    if (ended(job) && job.version <= last) return res.writeHead(204).end()
    res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" })
    res.flushHeaders()
    const stream = { id, res }
    this.#streams.add(stream)
    res.on("close", () => this.#streams.delete(stream))
    if (this.stream == "silent") return
    res.write("retry: 200\n\n")
    if (this.stream == "over") return res.end()
    if (!id) this.#toStream(stream, this.#serviceEvent())
    else if (job.version > last || job.status == "pending") this.#toStream(stream, eventOf(job))
  }

  async #file(path, res) {
    const file = path == "/" ? "../static/index.html" : path.startsWith("/client.") ? "../client" + path : "../static" + path
    let body = await readFile(new URL(file, import.meta.url)).catch(() => undefined)
    if (!body) return fail(res, 404, "not_found", "There is nothing here.")
    const host = new URL(this.url).host, { proverMode, anonymous } = this.service
    const lasting = [proverMode == "mock" && "mock", anonymous && "anonymous"].filter(Boolean).join(" ")
    if (path == "/" && lasting) body = String(body).replace("<html ", `<html data-banners="${lasting}" `)
    res.writeHead(200, {
      "Content-Type": types[file.split(".").pop()] + "; charset=utf-8",
      "Content-Security-Policy": `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws://${host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    })
    res.end(body)
  }
}

const ended = job => job?.status == "completed" || job?.status == "failed"

function eventOf(job) {
  const type = job.status == "pending" ? "position" : job.status == "running" && job.verifiedBy ? "verified" : job.status
  return { type, id: job.version, job }
}

function json(res, status, body) {
  res.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" })
  res.end(JSON.stringify(body))
}

function fail(res, status, code, message, retryAfter) {
  if (retryAfter) res.setHeader("Retry-After", String(retryAfter))
  json(res, status, { code, message, error: message, retryable: status >= 500 || status == 429, retryAfter, requestId: res.getHeader("X-Request-Id") })
}
