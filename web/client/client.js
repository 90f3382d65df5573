/** What the exports promise stands in client.d.ts; this file is checked against it. */
/** @import * as api from "./client.js" */

const sec = 1000
const final = ["not_found", "unauthorized", "forbidden", "invalid_input"]

/** @type {typeof api.ClaimError} */
export const ClaimError = /** @type {any} */ (class ClaimError extends Error {
  /** @param {ConstructorParameters<typeof api.ClaimError>[0]} why */
  constructor({ code = "internal_error", message, cause, retryable = false, retryAfter, requestId, fields, status }) {
    super(message || code, { cause })
    Object.assign(this, { name: "ClaimError", code, retryable, retryAfter, requestId, fields, status })
  }
})

/** @type {typeof api.submit} */
export async function submit(base, claim, options) {
  const env = environment(base, options)
  for (let n = 1; ; n++) {
    try {
      return await call(env, "v1/jobs", { method: "POST", body: JSON.stringify(claim) })
    } catch (error) {
      if (!(error instanceof ClaimError) || error.status || n > 2) throw error
      await pause(env.clock, backoff(env.clock, n), env.signal)
    }
  }
}

/** @type {typeof api.follow} */
export const follow = (base, jobId, options) => /** @type {any} */ (new Follow(jobId, environment(base, options)))

/** @type {typeof api.followStats} */
export const followStats = (base, options) => /** @type {any} */ (new Follow("", environment(base, options)))

/** @type {typeof api.cancel} */
export const cancel = async (base, jobId, options) => call(environment(base, options), jobPath(jobId), { method: "DELETE" })

/** @type {typeof api.stats} */
export const stats = async (base, options) => call(environment(base, options), "v1/stats")

/** @template {api.JobEvent | api.ServiceEvent} E */
export class Follow extends EventTarget {
  /** @type {E | undefined} */ last
  /** @type {api.Connection} */ connection = "connecting"
  /** @type {Promise<api.Job>} */ result
  /** @type {(error?: unknown) => void} */ #settle = () => {}
  /** @type {Set<(event?: E) => void>} */ #readers = new Set()
  /** @type {{ error?: unknown } | undefined} */ #end
  /** @type {AbortController | undefined} */ #http // while news are fetched over plain HTTP
  #env
  #line
  #path
  #etag = ""
  #seen = 0
  #denied = false // by the last answer

  /** @param {string} id @param {Env} env */
  constructor(id, env) {
    super()
    env.signal?.throwIfAborted()
    this.id = id
    this.#env = env
    this.#path = id ? jobPath(id) : "v1"
    this.result = new Promise((resolve, reject) => {
      this.#settle = error => error ? reject(error) : resolve(/** @type {api.Job} */ (this.job))
    })
    this.result.catch(() => {})
    this.#line = Line.to(env)
    env.signal?.addEventListener("abort", this.#aborted)
    this.#line.add(this)
  }

  /** @returns {api.Job | undefined} */
  get job() { return this.last && "job" in this.last ? this.last.job : undefined }

  get lastSeen() {
    const at = Math.max(this.#seen, this.#line.seen)
    return at ? new Date(at) : undefined
  }

  close() { this.end(new DOMException("Closed.", "AbortError"), true) }

  async *[Symbol.asyncIterator]() {
    /** @type {E[]} */
    const unread = this.last ? [this.last] : []
    let wake = () => {}
    const reader = (/** @type {E | undefined} */ event) => {
      if (event && unread.push(event) > 16) unread.shift()
      wake()
    }
    this.#readers.add(reader)
    try {
      for (;;) {
        const event = unread.shift()
        if (event) yield event
        else if (this.#end) break
        else await new Promise(resolve => { wake = () => resolve(0) })
      }
      if (this.#end.error) throw this.#end.error
    } finally {
      this.#readers.delete(reader)
    }
  }

  #aborted = () => this.end(this.#env.signal?.reason)

  /** @param {unknown} [error] @param {boolean} [quiet] */
  end(error, quiet) {
    if (this.#end) return
    this.#end = quiet ? {} : { error }
    this.#env.signal?.removeEventListener("abort", this.#aborted)
    this.#line.remove(this, !error)
    this.polls(false)
    const { job } = this
    this.#settle(error ?? (job?.status == "completed" ? undefined : new ClaimError({ ...job, status: undefined })))
    this.#is("ended")
    for (const reader of this.#readers) reader()
  }

  /** @param {api.Connection} connection */
  #is(connection) {
    if (this.connection == connection) return
    this.connection = connection
    this.dispatchEvent(new Event("connection"))
  }

  /** Whether the shared connection brings the news. */
  live(yes = true) {
    if (yes) this.polls(false)
    if (!this.#http && !this.#end) this.#is(yes ? "live" : online() ? "connecting" : "offline")
  }

  /** @param {E} event */
  take(event) {
    if (this.#end) return
    this.#denied = false
    if ("job" in event && this.last) {
      const known = /** @type {api.JobEvent} */ (this.last), waiting = event.job.status == "pending"
      // A new place in the queue is no new version.
      if (event.id < known.id || (event.id == known.id && !(waiting && JSON.stringify(event.job) != JSON.stringify(known.job)))) return
    }
    this.last = event
    for (const reader of this.#readers) reader(event)
    this.dispatchEvent(new CustomEvent("update", { detail: event }))
    if ("job" in event && (event.job.status == "completed" || event.job.status == "failed")) this.end()
  }

  async subscription() {
    return { op: "subscribe", jobId: this.id, lastEventId: this.last?.id, token: await tokenOf(this.#env) }
  }

  /** Says whether to try again. A new token gets one chance. @param {api.ClaimError} error */
  refused(error) {
    const denied = error.code == "unauthorized"
    const again = error.retryable || (denied && typeof this.#env.token == "function" && !this.#denied)
    this.#denied = denied
    if (!again) this.end(error)
    return again
  }

  polls(yes = true) {
    if (!yes) {
      this.#http?.abort()
      this.#http = undefined
    } else if (!this.#http && !this.#end) {
      this.#http = new AbortController()
      this.#fetch(this.#http.signal)
    }
  }

  /** Streams, and asks after each stream; or asks all the time. @param {AbortSignal} signal */
  async #fetch(signal) {
    const line = this.#line, { clock } = this.#env
    for (let failures = 0, cuts = 0; !signal.aborted;) {
      const slot = line.slots > 0, began = clock.now(), streams = slot && line.mayStream()
      if (slot) line.slots--
      let rest = 0
      try {
        if (streams) {
          try {
            rest = await this.#stream(signal)
            cuts = 0
          } catch (error) {
            rest = Math.max(this.#judge(error, signal), line.mayStream() ? backoff(clock, ++cuts) : 0)
          }
          if (signal.aborted) return
        }
        await this.#ask(signal, slot && !streams)
        failures = 0
        if (!streams) rest = slot && this.id ? 2 * sec + began - clock.now() : (hidden() ? 60 : 3 + 2 * clock.random()) * sec
      } catch (error) {
        rest = Math.max(this.#judge(error, signal), backoff(clock, ++failures))
        if (!signal.aborted) this.#is(failures > 1 || !online() ? "offline" : "connecting")
      } finally {
        if (slot) line.slots++
      }
      if (!signal.aborted) await pause(clock, rest, signal, line.resting)
    }
  }

  /** Gives how long to wait, or ends it all. @param {unknown} error @param {AbortSignal} signal */
  #judge(error, signal) {
    if (!(error instanceof ClaimError)) return 0
    if (!signal.aborted) this.refused(error)
    return (error.retryAfter ?? 0) * sec
  }

  /** @param {AbortSignal} signal @param {boolean} wait let the service answer when there is news */
  async #ask(signal, wait) {
    const tag = this.#etag, headers = tag && { "If-None-Match": tag, ...wait && { Prefer: "wait=25" } }
    const body = await call(this.#env, this.id ? this.#path : "v1/stats", { headers, signal }, answer => {
      if (answer.status == 304) return
      this.#etag = answer.headers.get("ETag") ?? ""
      return answer.json()
    }, (wait ? 35 : 10) * sec)
    if (signal.aborted) return
    this.#denied = false
    this.#heard("polling")
    if (!body) return
    const { status, version, verifiedBy } = body
    const type = status == "pending" ? "position" : status == "running" && verifiedBy ? "verified" : status
    this.take(/** @type {E} */ (this.id ? { type, id: version, job: body } : { type: "service", id: 0, service: body }))
  }

  /** @param {api.Connection} connection */
  #heard(connection) {
    this.#seen = this.#env.clock.now()
    this.#is(connection)
  }

  /** Reads a stream to its end; gives how long to wait then. @param {AbortSignal} signal */
  async #stream(signal) {
    const line = this.#line
    const headers = { Accept: "text/event-stream", ...this.id && this.last && { "Last-Event-ID": `${this.last.id}` } }
    let retry = 3 * sec
    try {
      await call(this.#env, this.#path + "/events", { headers, signal }, async (answer, patience) => {
        if (!answer.body) return
        const reader = answer.body.getReader(), decoder = new TextDecoder()
        for (let text = ""; ;) {
          const { done, value } = await reader.read()
          if (done || signal.aborted) return
          patience(35 * sec)
          line.streamed = true
          this.#heard("live")
          text += decoder.decode(value, { stream: true })
          const rows = text.split(/\r?\n/)
          text = rows.pop() ?? ""
          for (const row of rows) { // all of an event is in its one line of data
            if (row.startsWith("data:")) this.take(JSON.parse(row.slice(5)))
            if (row.startsWith("retry:")) retry = +row.slice(6)
          }
        }
      }, (line.streamed ? 20 : 5) * sec) // it speaks at once, then every 15 s
    } catch (error) {
      if (!signal.aborted) line.streamFailed()
      throw error
    }
    return retry
  }
}

/** @typedef {ReturnType<typeof environment>} Env */
/** @type {(keyof Env)[]} */
const same = ["base", "fetch", "socket", "stream", "clock"]

/** The WebSocket to one service, which all share, and what is known of the other ways. */
class Line {
  /** @type {Line[]} */ static #all = []
  /** @type {Set<Follow<any>>} */ #follows = new Set()
  /** @type {Set<string>} */ #subscribed = new Set() // jobs; the figures are ""
  /** @type {WebSocket | undefined} */ #socket
  #due = 0 // of the last operation
  #timer = () => {} // forgets the alarm of handshake, ping or reconnect
  #waiting = false // to reconnect
  #opened = false // the socket carries messages
  #worked = false // one has
  #failures = 0
  #fallback = false
  #noStreamUntil = 0
  seen = 0
  streamed = false // server-sent events have arrived once
  slots = 4 // for long requests: browsers open six
  /** @type {Set<() => void>} */ resting = new Set()

  /** @param {Env} env */
  static to(env) {
    let line = Line.#all.find(l => same.every(k => l.env[k] == env[k]))
    if (!line) Line.#all.push(line = new Line(env))
    return line
  }

  /** @param {Env} env of its first follower */
  constructor(env) { this.env = env }

  #of(id = "") { return [...this.#follows].filter(f => f.id == id) }

  /** @param {Follow<any>} follow */
  add(follow) {
    if (!this.#follows.size) this.#watch()
    const { id } = follow, [elder] = this.#of(id)
    this.#follows.add(follow)
    if (this.#subscribed.has(id)) {
      follow.live()
      if (elder?.last) follow.take(elder.last)
    } else if (this.#opened) this.#subscribe(id)
    else if (this.#fallback || !this.env.socket) follow.polls()
    else if (!this.#socket && !this.#waiting) this.#connect()
  }

  /** @param {Follow<any>} follow @param {boolean} over the service has sent its last event */
  remove(follow, over) {
    const { id } = follow
    if (!this.#follows.delete(follow) || this.#of(id).length) return
    if (this.#subscribed.delete(id) && id && !over) this.#say({ op: "unsubscribe", jobId: id })
    if (this.#follows.size) return this.#opened && this.#subscribeAll()
    Line.#all.splice(Line.#all.indexOf(this), 1)
    this.#watch(false)
    this.#drop()
  }

  mayStream() { return this.env.stream && this.env.clock.now() >= this.#noStreamUntil }

  /** Left alone for two minutes, if it never worked. */
  streamFailed() { if (!this.streamed) this.#noStreamUntil = this.env.clock.now() + 120 * sec }

  #connect() {
    const { clock, socket: Socket } = this.env
    this.#timer()
    this.#waiting = false
    if (!Socket) return
    /** @type {WebSocket} */
    let socket
    try {
      this.#socket = socket = new Socket(this.env.base.replace(/^http/, "ws") + "v1/events")
    } catch {
      return this.#lost()
    }
    const began = clock.now()
    const gone = (/** @type {any} */ event) => {
      if (this.#socket != socket) return
      const ours = [1003, 1007, 1008, 1009].includes(event?.code)
      if (ours) this.#failures += 5
      this.#lost(this.#opened && !ours && clock.now() - began > 5 * sec)
    }
    // A slow handshake gets company, and later is given up.
    this.#timer = alarm(clock, 3 * sec, () => {
      this.#fallBack()
      this.#timer = alarm(clock, 7 * sec, () => gone(0))
    })
    socket.onclose = socket.onerror = gone
    socket.onmessage = ({ data }) => {
      if (this.#socket != socket) return
      this.seen = clock.now()
      this.#timer()
      this.#timer = alarm(clock, (hidden() ? 60 : 10) * sec, () => this.#ping())
      if (!this.#opened) { // the figures come at once
        this.#opened = this.#worked = true
        this.#fallback = false
        this.#subscribeAll()
      }
      try { this.#hear(JSON.parse(data)) } catch { /* not of this protocol */ }
    }
  }

  #drop() {
    const socket = this.#socket
    this.#timer()
    this.#socket = undefined
    this.#opened = this.#waiting = false
    this.#subscribed.clear()
    if (!socket) return
    socket.onclose = socket.onmessage = null
    socket.onerror = () => {} // npm: ws throws
    socket.close()
  }

  /** What lived for a while has not failed before. */
  #lost(lived = false) {
    const { clock } = this.env
    this.#drop()
    this.#failures = lived ? 1 : this.#failures + 1
    this.#follows.forEach(f => f.live(false))
    if (this.#failures > (this.#worked ? 1 : 0)) this.#fallBack()
    this.#waiting = true
    this.#timer = alarm(clock, this.#worked ? backoff(clock, this.#failures)
      : clock.random() * Math.min(300, 15 * 2 ** this.#failures) * sec, () => this.#connect())
  }

  #fallBack() {
    this.#fallback = true
    this.#follows.forEach(f => f.polls())
  }

  #ping() {
    this.#timer()
    this.#timer = alarm(this.env.clock, 5 * sec, () => this.#lost(true))
    this.#say({ op: "ping" })
  }

  /** @param {any} message */
  #hear(message) {
    const { type, job, jobId, code } = message, id = job?.jobId ?? jobId ?? "", of = this.#of(id)
    if (type == "pong") return
    if (type != "error") return of.forEach(f => f.take(message))
    const error = new ClaimError({ ...message, retryable: !final.includes(code) })
    if (id && of.filter(f => f.refused(error)).length) this.#again(id)
  }

  #subscribeAll() { this.#follows.forEach(f => this.#subscribe(f.id)) }

  #subscribe(id = "") {
    const socket = this.#socket, subscribed = this.#subscribed
    const [first] = this.#of(id)
    if (!first || subscribed.has(id)) return
    // The service sends a hundred jobs over one connection.
    if (id && subscribed.size - +subscribed.has("") > 99) return this.#of(id).forEach(f => f.polls())
    subscribed.add(id)
    const live = () => this.#of(id).forEach(f => f.live())
    if (!id) return live()
    first.subscription().then(operation => this.#socket == socket && this.#say(operation, live), () => this.#again(id))
  }

  #again(id = "") {
    this.#subscribed.delete(id)
    alarm(this.env.clock, 2 * sec, () => this.#opened && this.#subscribe(id))
  }

  /** Sends nineteen at once, then eighteen a second. @param {object} operation @param {() => void} [sent] */
  #say(operation, sent) {
    const socket = this.#socket, now = this.env.clock.now(), due = this.#due = Math.max(this.#due + 55, now - sec)
    const send = () => {
      if (!socket || this.#socket != socket || socket.readyState != 1) return
      socket.send(JSON.stringify(operation))
      sent?.()
    }
    if (due > now) pause(this.env.clock, due - now).then(send)
    else send()
  }

  #watch(yes = true) {
    const change = yes ? "addEventListener" : "removeEventListener"
    for (const name of ["online", "offline", "pageshow", "visibilitychange"]) globalThis[change]?.(name, this.#woken)
  }

  /** Reader or network are back. @param {Event} event */
  #woken = ({ type }) => {
    if (hidden()) return
    if (type == "online") {
      this.#noStreamUntil = 0
      if (!this.#opened) this.#drop() // of a handshake begun without a network
    }
    if (this.#opened) this.#ping()
    else if (!this.#socket) this.#connect()
    if (type != "offline") this.resting.forEach(wake => wake())
  }
}

const online = () => globalThis.navigator?.onLine !== false
const hidden = () => globalThis.document?.visibilityState == "hidden"
const jobPath = (id = "") => "v1/jobs/" + encodeURIComponent(id)
/** @param {api.Options} options */
const tokenOf = async ({ token }) => typeof token == "function" ? token() : token

/** @type {api.Clock} */
const system = {
  now: Date.now,
  setTimeout: (f, ms) => setTimeout(f, ms),
  clearTimeout: id => clearTimeout(id),
  random: Math.random,
}

/** @param {string | URL} base a page's address is one too @param {api.Options} [options] */
function environment(base, { transports, ...o } = {}) {
  const may = (/** @type {api.Transport} */ t) => transports?.includes(t) ?? true
  return {
    ...o,
    base: new URL(base, globalThis.location?.href).href.replace(/\/*([?#].*)?$/, "/"),
    fetch: o.fetch ?? globalThis.fetch,
    socket: may("websocket") ? o.WebSocket === undefined ? globalThis.WebSocket : o.WebSocket : null,
    stream: may("sse"),
    clock: o.clock ?? system,
  }
}

/** Full jitter. @param {api.Clock} clock */
const backoff = (clock, failures = 1) => clock.random() * Math.min(30, 1.5 ** failures) * sec

/** Ends early on abort, or by its entry in resting.
 * @param {api.Clock} clock @param {number} ms @param {AbortSignal} [signal] @param {Set<() => void>} [resting] */
const pause = (clock, ms, signal, resting) => new Promise(resolve => {
  const wake = () => {
    clock.clearTimeout(id)
    resting?.delete(wake)
    signal?.removeEventListener("abort", wake)
    resolve(0)
  }
  const id = clock.setTimeout(wake, Math.max(0, ms))
  resting?.add(wake)
  signal?.addEventListener("abort", wake)
})

/** Runs f after ms, and gives what forgets it. A machine that slept meanwhile gets the time once more.
 * @param {api.Clock} clock @param {number} ms @param {() => void} f */
function alarm(clock, ms, f) {
  const due = clock.now() + ms
  let id = clock.setTimeout(() => {
    if (clock.now() - due > ms / 2 + 2 * sec) id = clock.setTimeout(f, ms)
    else f()
  }, ms)
  return () => clock.clearTimeout(id)
}

/** Gives what `read` makes of the answer, or throws a ClaimError.
 * @param {Env} env @param {string} path
 * @param {any} [init]
 * @param {(answer: Response, patience: (ms: number) => void) => any} [read] */
async function call(env, path, init = {}, read = answer => answer.json(), ms = 30 * sec) {
  const { signal = env.signal } = init, stop = new AbortController(), abort = () => stop.abort()
  let forget = () => {}
  const patience = (/** @type {number} */ ms) => { forget(); forget = alarm(env.clock, ms, abort) }
  signal?.throwIfAborted()
  signal?.addEventListener("abort", abort)
  try {
    const token = await tokenOf(env)
    patience(ms)
    const headers = { ...init.body && { "Content-Type": "application/json" }, ...init.headers }
    if (token) headers.Authorization = "Bearer " + token
    const { fetch } = env // which must be called on its own
    const answer = await fetch(new URL(path, env.base).href,
      { ...init, headers, signal: stop.signal, cache: "no-store", credentials: "omit" })
    const { ok, status } = answer
    if (ok || status == 304) return await read(answer, patience)
    throw new ClaimError({
      code: { 401: "unauthorized", 403: "forbidden", 404: "not_found" }[status] ?? "unavailable",
      retryable: status >= 500 || status == 429 || status == 408,
      retryAfter: +(answer.headers.get("Retry-After") ?? "") || undefined,
      ...await answer.json().catch(() => ({})), status,
    })
  } catch (cause) {
    signal?.throwIfAborted()
    throw cause instanceof ClaimError ? cause
      : new ClaimError({ code: "unavailable", message: "The service cannot be reached.", retryable: true, cause })
  } finally {
    forget()
    signal?.removeEventListener("abort", abort)
  }
}
