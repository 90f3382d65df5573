/** What each export promises stands in client.d.ts, against which this file is checked. */
/** @import * as api from "./client.js" */

const sec = 1000
const passing = ["rate_limited", "internal_error", "queue_full", "rpc_unavailable", "budget_exhausted", "shutting_down",
  "unavailable", "timeout"]

export class ClaimError extends Error {
  /** @param {ConstructorParameters<typeof api.ClaimError>[0]} why */
  constructor(why) {
    const { code = "internal_error", message, retryable = passing.includes(code), retryAfter, requestId, fields, status, cause } = why
    super(message || code, { cause })
    this.name = "ClaimError"
    this.code = /** @type {api.ErrorCode} */ (code)
    this.retryable = retryable
    this.retryAfter = retryAfter
    this.requestId = requestId
    this.fields = fields
    this.status = status
  }
}

/** @type {typeof api.submit} */
export async function submit(base, claim, options = {}) {
  const env = environment(options)
  for (let n = 1; ; n++) {
    try {
      return await call(env, base, "v1/jobs", options, { method: "POST", body: JSON.stringify(claim) })
    } catch (error) {
      if (!(error instanceof ClaimError) || error.status || n > 2) throw error
      await pause(env.clock, backoff(env.clock, n), options.signal)
    }
  }
}

/** @type {typeof api.follow} */
export const follow = (base, jobId, options = {}) => /** @type {any} */ (new Follow(base, jobId, options))

/** @type {typeof api.followStats} */
export const followStats = (base, options = {}) => /** @type {any} */ (new Follow(base, "", options))

/** @type {typeof api.cancel} */
export const cancel = async (base, jobId, options = {}) =>
  call(environment(options), base, jobPath(jobId), options, { method: "DELETE" })

/** @type {typeof api.stats} */
export const stats = async (base, options = {}) => call(environment(options), base, "v1/stats", options)

/** @template {api.JobEvent | api.ServiceEvent} E */
export class Follow extends EventTarget {
  /** @type {E | undefined} */ last
  /** @type {api.Connection} */ connection = "connecting"
  /** @type {Promise<api.Job>} */ result
  /** @type {(job: api.Job) => void} */ #resolve = () => {}
  /** @type {(why: unknown) => void} */ #reject = () => {}
  /** @type {Set<(event?: E) => void>} */ #readers = new Set()
  /** @type {{ error?: unknown } | undefined} */ #end
  /** @type {AbortController | undefined} */ #http // while news are fetched over plain HTTP
  #options
  #line
  #etag = ""
  #seen = 0
  #denied = false // by the last answer

  /** @param {string | URL} base @param {string} id @param {api.Options} options */
  constructor(base, id, options) {
    super()
    options.signal?.throwIfAborted()
    this.id = id
    this.#options = options
    this.result = new Promise((resolve, reject) => { this.#resolve = resolve; this.#reject = reject })
    this.result.catch(() => {}) // whoever does not ask need not hear
    this.#line = Line.to(base, environment(options))
    options.signal?.addEventListener("abort", this.#aborted)
    this.#line.add(this)
  }

  /** @returns {api.Job | undefined} */
  get job() { return this.last && "job" in this.last ? this.last.job : undefined }

  get lastSeen() {
    const at = Math.max(this.#seen, this.#line.seen)
    return at ? new Date(at) : undefined
  }

  close() { this.end(new DOMException("No longer followed.", "AbortError"), true) }

  /** @returns {AsyncGenerator<E, void, void>} */
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

  #aborted = () => this.end(this.#options.signal?.reason)

  /** @param {unknown} [error] @param {boolean} [quiet] */
  end(error, quiet) {
    if (this.#end) return
    this.#end = quiet ? {} : { error }
    this.#options.signal?.removeEventListener("abort", this.#aborted)
    this.#line.remove(this, !error)
    this.polls(false)
    const job = this.job
    if (!error && job?.status == "completed") this.#resolve(job)
    else this.#reject(error ?? new ClaimError({ ...job, status: undefined }))
    this.#is("ended")
    for (const reader of this.#readers) reader()
  }

  /** @param {api.Connection} connection */
  #is(connection) {
    if (this.connection == connection) return
    this.connection = connection
    this.dispatchEvent(new Event("connection"))
  }

  /** The shared connection brings the news, or has gone. @param {boolean} yes */
  live(yes) {
    if (yes) this.polls(false)
    if (!this.#http && !this.#end) this.#is(yes ? "live" : online() ? "connecting" : "offline")
  }

  /** Takes what is newer than what is known. @param {E} event */
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
    return { op: "subscribe", jobId: this.id, lastEventId: this.last?.id, token: await tokenOf(this.#options) }
  }

  /** Says whether to try again. A new token gets one chance. @param {api.ClaimError} error */
  refused(error) {
    const denied = error.code == "unauthorized"
    const again = error.retryable || (denied && typeof this.#options.token == "function" && !this.#denied)
    this.#denied = denied
    if (!again) this.end(error)
    return again
  }

  /** @param {boolean} yes */
  polls(yes) {
    if (!yes) {
      this.#http?.abort()
      this.#http = undefined
    } else if (!this.#http && !this.#end) {
      this.#http = new AbortController()
      this.#fetch(this.#http.signal)
    }
  }

  /** Streams where it can, and asks after each stream; else asks all the time. @param {AbortSignal} signal */
  async #fetch(signal) {
    const line = this.#line, { clock } = line.env
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
      if (!signal.aborted) await line.rest(rest, signal)
    }
  }

  /** Ends it all when trying again is useless, else gives how long to wait. @param {unknown} error @param {AbortSignal} signal */
  #judge(error, signal) {
    if (!(error instanceof ClaimError)) return 0
    if (!signal.aborted) this.refused(error)
    return (error.retryAfter ?? 0) * sec
  }

  /** @param {AbortSignal} signal @param {boolean} wait let the service answer when there is news */
  async #ask(signal, wait) {
    const { env, base } = this.#line
    /** @type {Record<string, string>} */
    const headers = {}
    if (this.#etag) headers["If-None-Match"] = this.#etag
    if (this.#etag && wait) headers.Prefer = "wait=25"
    const body = await call(env, base, this.id ? jobPath(this.id) : "v1/stats", this.#options, { headers, signal }, answer => {
      if (answer.status == 304) return
      this.#etag = answer.headers.get("ETag") ?? ""
      return answer.json()
    }, 35 * sec)
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
    this.#seen = this.#line.env.clock.now()
    this.#is(connection)
  }

  /** Reads server-sent events to the stream's end, and gives how long to wait then. @param {AbortSignal} signal */
  async #stream(signal) {
    const line = this.#line, { env, base } = line
    const stop = new AbortController(), abort = () => stop.abort()
    signal.addEventListener("abort", abort)
    // The service speaks at once, then every 15 s. Whoever hears nothing is behind something that holds it back.
    let silence = alarm(env.clock, (line.streamed ? 20 : 5) * sec, abort), retry = 3 * sec
    try {
      /** @type {Record<string, string>} */
      const headers = { Accept: "text/event-stream" }
      if (this.id && this.last) headers["Last-Event-ID"] = `${this.last.id}`
      const path = this.id ? jobPath(this.id) + "/events" : "v1/events"
      await call(env, base, path, this.#options, { headers, signal: stop.signal }, async answer => {
        if (answer.status == 204 || !answer.body) return // nothing to come; what is left is to ask for the end
        const reader = answer.body.getReader(), decoder = new TextDecoder()
        for (let text = ""; ;) {
          const { done, value } = await reader.read()
          if (done || signal.aborted) return
          silence()
          silence = alarm(env.clock, 35 * sec, abort)
          line.streamed = true
          this.#heard("live")
          text += decoder.decode(value, { stream: true })
          const blocks = text.split(/(?:\r\n|\n|\r(?!$)){2}/)
          text = blocks.pop() ?? ""
          for (const block of blocks) {
            const data = []
            for (const row of block.split(/\r\n|\n|\r/)) {
              const [, name, content] = /^(\w+): ?([^]*)$/.exec(row) ?? []
              if (name == "data") data.push(content)
              if (name == "retry" && +content >= 0) retry = +content
            }
            if (data.length) this.take(JSON.parse(data.join("\n")))
          }
        }
      }, 0)
      return retry
    } catch (error) {
      if (!signal.aborted) line.streamFailed()
      throw error
    } finally {
      silence()
      signal.removeEventListener("abort", abort)
      stop.abort()
    }
  }
}

/** @typedef {ReturnType<typeof environment>} Env */

/** One service as this page sees it: the WebSocket that all share, and what is known of the other ways. */
class Line {
  /** @type {Line[]} */ static #all = []
  /** @type {Map<string, Set<Follow<any>>>} */ #follows = new Map() // by job; the figures are ""
  /** @type {Set<string>} */ #subscribed = new Set()
  /** @type {Set<() => void>} */ #resting = new Set()
  /** @type {WebSocket | undefined} */ #socket
  /** @type {number[]} */ #sent = [] // when the last operations went out
  #outbox = Promise.resolve()
  #timer = () => {} // forgets the alarm of the handshake, the ping or the reconnect
  #waiting = false // for the reconnect
  #opened = false // the socket carries messages
  #worked = false // one has
  #failures = 0
  #fallback = false
  #noStreamUntil = 0
  seen = 0
  streamed = false // server-sent events have arrived once
  slots = 4 // for long requests: browsers open six connections to a host

  /** @param {string | URL} base @param {Env} env */
  static to(base, env) {
    const { href } = address(base)
    let line = Line.#all.find(l => l.base == href && Object.entries(env).every(([k, v]) => l.env[/** @type {keyof Env} */ (k)] === v))
    if (!line) Line.#all.push(line = new Line(href, env))
    return line
  }

  /** @param {string} base @param {Env} env */
  constructor(base, env) { this.base = base; this.env = env }

  /** @param {Follow<any>} follow */
  add(follow) {
    if (!this.#follows.size) this.#watch("addEventListener")
    const same = this.#follows.get(follow.id) ?? new Set(), [elder] = same
    this.#follows.set(follow.id, same.add(follow))
    if (this.#subscribed.has(follow.id)) {
      follow.live(true)
      if (elder?.last) follow.take(elder.last)
    } else if (this.#opened) this.#subscribe(follow.id)
    else if (this.#fallback || !this.env.socket) follow.polls(true)
    else if (!this.#socket && !this.#waiting) this.#connect()
  }

  /** @param {Follow<any>} follow @param {boolean} over the service has sent its last event */
  remove(follow, over) {
    const { id } = follow, same = this.#follows.get(id)
    if (!same?.delete(follow) || same.size) return
    this.#follows.delete(id)
    if (this.#subscribed.delete(id) && id && !over) this.#say({ op: "unsubscribe", jobId: id })
    if (this.#follows.size) return this.#opened && this.#subscribeAll()
    Line.#all.splice(Line.#all.indexOf(this), 1)
    this.#watch("removeEventListener")
    this.#drop()
  }

  /** A pause that the network's or the reader's return cuts short. @param {number} ms @param {AbortSignal} signal */
  async rest(ms, signal) {
    await new Promise(resolve => {
      const wake = () => { this.#resting.delete(wake); resolve(0) }
      this.#resting.add(wake)
      pause(this.env.clock, ms, signal).then(wake, wake)
    })
  }

  mayStream() { return this.env.stream && this.env.clock.now() >= this.#noStreamUntil }

  /** A stream that never worked is left alone for two minutes. */
  streamFailed() { if (!this.streamed) this.#noStreamUntil = this.env.clock.now() + 120 * sec }

  #each(/** @type {(f: Follow<any>) => void} */ f) { for (const same of [...this.#follows.values()]) [...same].forEach(f) }

  #connect() {
    const { clock, socket: Socket } = this.env
    this.#timer()
    this.#waiting = false
    if (!Socket) return
    /** @type {WebSocket} */
    let socket
    try {
      this.#socket = socket = new Socket(this.base.replace(/^http/, "ws") + "v1/events")
    } catch {
      return this.#lost()
    }
    const began = clock.now()
    const gone = (/** @type {any} */ event) => {
      if (this.#socket != socket) return
      if ([1003, 1007, 1008, 1009].includes(event?.code)) this.#failures += 5 // it was our fault
      this.#lost(this.#opened && clock.now() - began > 5 * sec)
    }
    // Beside a handshake that takes long another way is tried; it is given up later.
    this.#timer = alarm(clock, 3 * sec, () => {
      this.#fallBack()
      this.#timer = alarm(clock, 7 * sec, () => gone(0))
    })
    socket.onclose = socket.onerror = gone
    socket.onmessage = ({ data }) => {
      if (this.#socket != socket) return
      this.seen = clock.now()
      this.#timer()
      this.#timer = alarm(clock, (hidden() ? 60 : 20) * sec, () => this.#ping(10 * sec))
      if (!this.#opened) { // the figures come at once
        this.#opened = this.#worked = true
        this.#fallback = false
        this.#subscribeAll()
      }
      try { this.#hear(JSON.parse(data)) } catch { /* not of this protocol */ }
    }
  }

  /** Lets go of the socket without a word to those who follow. */
  #drop() {
    const socket = this.#socket
    this.#timer()
    this.#socket = undefined
    this.#opened = this.#waiting = false
    this.#subscribed.clear()
    if (!socket) return
    socket.onclose = socket.onmessage = null
    socket.onerror = () => {} // ws, of npm, throws where nobody listens
    socket.close()
  }

  /** @param {boolean} [lived] long enough to count its end as the first failure */
  #lost(lived) {
    const { clock } = this.env
    this.#drop()
    this.#failures = lived ? 1 : this.#failures + 1
    this.#each(f => f.live(false))
    if (this.#failures > (this.#worked ? 1 : 0)) this.#fallBack()
    this.#waiting = true
    this.#timer = alarm(clock, this.#worked ? backoff(clock, this.#failures)
      : clock.random() * Math.min(300, 15 * 2 ** this.#failures) * sec, () => this.#connect())
  }

  #fallBack() {
    this.#fallback = true
    this.#each(f => f.polls(true))
  }

  /** @param {number} patience */
  #ping(patience) {
    this.#timer()
    this.#timer = alarm(this.env.clock, patience, () => this.#lost(true))
    this.#say({ op: "ping" })
  }

  /** @param {any} message */
  #hear(message) {
    const id = message.job?.jobId ?? message.jobId ?? "", same = [...this.#follows.get(id) ?? []]
    if (message.type == "pong") return
    if (message.type != "error") return same.forEach(f => f.take(message))
    this.#subscribed.delete(id)
    if (id && same.filter(f => f.refused(new ClaimError(message))).length)
      alarm(this.env.clock, 2 * sec, () => this.#opened && this.#subscribe(id))
  }

  #subscribeAll() { for (const id of this.#follows.keys()) this.#subscribe(id) }

  /** @param {string} id */
  #subscribe(id) {
    const socket = this.#socket, jobs = this.#subscribed.size - +this.#subscribed.has("")
    const each = (/** @type {(f: Follow<any>) => void} */ f) => [...this.#follows.get(id) ?? []].forEach(f)
    const [first] = this.#follows.get(id) ?? []
    if (!first || this.#subscribed.has(id)) return
    if (id && jobs >= 100) return each(f => f.polls(true)) // as many as the service sends over one connection
    this.#subscribed.add(id)
    const live = () => each(f => f.live(true))
    if (!id) return live()
    first.subscription().then(operation => this.#socket == socket && this.#say(operation, live), error => each(f => f.end(error)))
  }

  /** Sends, at most 19 times a second. @param {object} operation @param {() => void} [sent] */
  #say(operation, sent) {
    const socket = this.#socket, { clock } = this.env
    this.#outbox = this.#outbox.then(async () => {
      if (this.#socket == socket && this.#sent.length > 18) await pause(clock, this.#sent[0] + 1100 - clock.now())
      if (!socket || this.#socket != socket || socket.readyState != 1) return
      this.#sent = [...this.#sent.slice(-18), clock.now()]
      socket.send(JSON.stringify(operation))
      sent?.()
    })
  }

  /** @param {"addEventListener" | "removeEventListener"} change */
  #watch(change) {
    for (const name of ["online", "offline", "pageshow"]) globalThis[change]?.(name, this.#woken)
    for (const name of ["visibilitychange", "resume"]) globalThis.document?.[change](name, this.#woken)
  }

  /** The reader or the network has come back: what waits is done now, what looks alive is asked. @param {Event} event */
  #woken = ({ type }) => {
    if (hidden()) return
    if (type == "online") {
      this.#noStreamUntil = 0
      if (!this.#opened) this.#drop() // of a handshake begun without a network
    }
    if (this.#opened) this.#ping(4 * sec)
    else if (!this.#socket) this.#connect()
    if (type != "offline") this.#resting.forEach(wake => wake())
  }
}

const online = () => globalThis.navigator?.onLine !== false
const hidden = () => globalThis.document?.visibilityState == "hidden"
/** @param {string} id */
const jobPath = id => "v1/jobs/" + encodeURIComponent(id)
/** @param {api.Options} options */
const tokenOf = async ({ token }) => typeof token == "function" ? token() : token

/** @param {string | URL} base a page's address is one too */
function address(base) {
  const url = new URL(base, globalThis.location?.href)
  url.pathname = url.pathname.replace(/\/*$/, "/")
  url.search = url.hash = ""
  return url
}

/** @type {api.Clock} */
const system = {
  now: () => Date.now(),
  setTimeout: (f, ms) => setTimeout(f, ms),
  clearTimeout: id => clearTimeout(id),
  random: () => Math.random(),
}
/** @type {typeof fetch} */
const systemFetch = (...args) => fetch(...args)

/** @param {api.Options} options */
function environment({ transports, ...o }) {
  const may = (/** @type {api.Transport} */ t) => transports?.includes(t) ?? true
  return {
    fetch: o.fetch ?? systemFetch,
    socket: may("websocket") ? o.WebSocket === undefined ? globalThis.WebSocket : o.WebSocket : null,
    stream: may("sse"),
    clock: o.clock ?? system,
  }
}

/** Full jitter, at most 30 s. @param {api.Clock} clock @param {number} failures */
const backoff = (clock, failures) => clock.random() * Math.min(30, 1.5 ** failures) * sec

/** @param {api.Clock} clock @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} */
const pause = (clock, ms, signal) => new Promise((resolve, reject) => {
  const stop = () => { clock.clearTimeout(id); reject(signal?.reason) }
  const id = clock.setTimeout(() => { signal?.removeEventListener("abort", stop); resolve() }, Math.max(0, ms))
  signal?.addEventListener("abort", stop)
})

/** Runs f after ms, and gives what forgets it. To a machine that slept meanwhile the time is given once more: what it
 * waits for could not happen. @param {api.Clock} clock @param {number} ms @param {() => void} f @returns {() => void} */
function alarm(clock, ms, f) {
  const due = clock.now() + ms
  let id = clock.setTimeout(() => {
    if (clock.now() - due > ms / 2 + 2 * sec) id = clock.setTimeout(f, ms)
    else f()
  }, ms)
  return () => clock.clearTimeout(id)
}

/** One request and what `read` makes of its answer; all that goes wrong is thrown as a ClaimError.
 * @param {Env} env @param {string | URL} base @param {string} path @param {api.Options} options
 * @param {{ method?: string, body?: string, headers?: Record<string, string>, signal?: AbortSignal }} [init]
 * @param {(answer: Response) => any} [read] @param {number} [patience] milliseconds; 0: for ever */
async function call(env, base, path, options, init = {}, read = answer => answer.json(), patience = 30 * sec) {
  const outer = init.signal ?? options.signal
  outer?.throwIfAborted()
  const token = await tokenOf(options)
  outer?.throwIfAborted()
  const stop = new AbortController(), abort = () => stop.abort(outer?.reason)
  outer?.addEventListener("abort", abort)
  const forget = patience ? alarm(env.clock, patience, abort) : () => {}
  try {
    /** @type {Record<string, string>} */
    const headers = { ...init.headers }
    if (init.body) headers["Content-Type"] = "application/json"
    if (token) headers.Authorization = "Bearer " + token
    const answer = await env.fetch(new URL(path, address(base)).href,
      { ...init, headers, signal: stop.signal, cache: "no-store", credentials: "omit" })
    const { ok, status } = answer
    if (ok || status == 304) return await read(answer)
    const header = (/** @type {string} */ name) => answer.headers.get(name) ?? undefined
    throw new ClaimError({
      code: { 401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "rate_limited" }[status] ?? "unavailable",
      retryable: status >= 500 || status == 429 || status == 408,
      retryAfter: +(header("Retry-After") ?? "") || undefined,
      requestId: header("X-Request-Id"),
      ...await answer.json().catch(() => ({})), status,
    })
  } catch (cause) {
    outer?.throwIfAborted()
    if (cause instanceof ClaimError) throw cause
    throw new ClaimError({ code: "unavailable", message: "The service cannot be reached.", retryable: true, cause })
  } finally {
    forget()
    outer?.removeEventListener("abort", abort)
  }
}
