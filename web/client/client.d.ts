/**
 * Submits claims to a claimprover service and follows them until they end, whatever the network does meanwhile.
 *
 * ```js
 * const { jobId } = await submit(url, claim, { token })
 * const job = follow(url, jobId)
 * for await (const { type, job: j } of job) render(j)
 * const { zkProof } = await job.result
 * ```
 *
 * All jobs of a page share one WebSocket. Where that cannot be had, jobs are followed by server-sent events, and where
 * those are held up, by long-polling; a better way is tried again later. Importing this module does nothing.
 */

/**
 * Submits a claim and gives its job. Submitting the same claim again is always safe and never buys a second proof, so
 * an answer that got lost is asked for again, twice; a refusal rejects with a {@link ClaimError}.
 * @param base the service's address
 */
export function submit(base: string | URL, claim: Claim, options?: Options): Promise<Job>

/**
 * Follows a job until it has ended.
 * @param base the service's address
 * @throws the signal's reason when it is aborted already
 */
export function follow(base: string | URL, jobId: string, options?: Options): Follow<JobEvent>

/**
 * Follows the public figures until it is closed.
 * @param base the service's address
 */
export function followStats(base: string | URL, options?: Options): Follow<ServiceEvent>

/**
 * Gives a job up: leaving and, for its last owner, cancelling. Needs an owner's credential.
 * @param base the service's address
 */
export function cancel(base: string | URL, jobId: string, options?: Options): Promise<Job>

/**
 * The public figures once, with the last hour by the minute.
 * @param base the service's address
 */
export function stats(base: string | URL, options?: Options): Promise<Stats>

/**
 * A job, or the public figures, on their way to you.
 *
 * Iterate over it (it ends by itself; a reader who falls behind gets the newest events), or listen to `update` and
 * `connection`. The versions of a job only grow, over all reconnects.
 */
export class Follow<E extends JobEvent | ServiceEvent> extends EventTarget implements AsyncIterable<E> {
  private constructor()
  /** The job's id, known at once; empty for the public figures. */
  readonly id: string
  /** The newest event; it is all you need to draw the present. */
  readonly last?: E
  /** The newest job. */
  readonly job?: Job
  readonly connection: Connection
  /** When the service was last heard of. */
  readonly lastSeen?: Date
  /**
   * Resolves with the completed job. Rejects with a {@link ClaimError} when the job failed or cannot be read, and with
   * an AbortError when it was given up here.
   */
  readonly result: Promise<Job>
  /** Stops following, as the signal does. The job itself goes on. */
  close(): void
  /** Leaving the loop leaves the job followed: call {@link close} or abort the signal when nobody is interested. */
  [Symbol.asyncIterator](): AsyncGenerator<E, void, void>
  addEventListener(type: "update", listener: (event: CustomEvent<E>) => void, options?: boolean | AddEventListenerOptions): void
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void
}

/** A refusal by the service, or the failure of a job. */
export class ClaimError extends Error {
  constructor(why: {
    code?: string, message?: string, retryable?: boolean, retryAfter?: number, requestId?: string,
    fields?: Record<string, string>, status?: number, cause?: unknown,
  })
  readonly code: ErrorCode
  /** Whether the same may succeed later, unchanged. */
  readonly retryable: boolean
  /** Seconds to wait before that, when the service said so. */
  readonly retryAfter?: number
  /** Names the answer in the service's log: show it, people will send it to you. */
  readonly requestId?: string
  /** What is wrong, by field of the claim. */
  readonly fields?: Record<string, string>
  /** The HTTP status of a refusal; absent when there was no answer, or the job itself failed. */
  readonly status?: number
}

/** How news arrive: `live` at once, `polling` within seconds, `offline` not at all for now; it is tried for ever. */
export type Connection = "connecting" | "live" | "polling" | "offline" | "ended"

export type Transport = "websocket" | "sse" | "poll"

export interface Options {
  /** An API key or a browser token; a function is asked before each connect. */
  token?: string | (() => string | Promise<string>)
  /** Ends everything: what was pending rejects with its reason. */
  signal?: AbortSignal
  /** Which may be used; all of them unless told. Polling always may. */
  transports?: Transport[]
  /** Instead of the global one, as are the next two. */
  fetch?: typeof fetch
  /** `null`: there is none. */
  WebSocket?: { new (url: string): WebSocket } | null
  clock?: Clock
}

export interface Clock {
  /** Milliseconds. */
  now(): number
  setTimeout(f: () => void, ms: number): unknown
  clearTimeout(id: any): void
  /** From 0 up to 1. */
  random(): number
}

/** What a claimant signed. Hex with or without `0x`; the amount in base units, decimal. */
export interface Claim {
  ss58Address: string
  signature: string
  evmAddress: string
  challenge: string
  amount: string
}

export type Status = "pending" | "running" | "completed" | "failed"

/** A job as its readers see it. What is absent is not known yet. Services may send more than is listed here. */
export interface Job {
  /** The capability to read the job: whoever has it can follow it. */
  jobId: string
  /** Grows with every change. */
  version: number
  status: Status
  /** The prover's word for what it is doing. */
  phase?: string
  /** Place in the queue; 1 is next. */
  position?: number
  queueSize?: number
  /** Seconds still to go, from and to. */
  etaSeconds?: [number, number]
  /** The contract's deadline is close: a sentence for the claimant. */
  warning?: string
  /** Times are RFC 3339 in UTC. */
  createdAt: string
  startedAt?: string
  finishedAt?: string
  /** When the service forgets the job. */
  expiresAt?: string
  timeline?: { type: string, phase?: string, at: string }[]
  /** Answered with a proof that was made before. */
  cached?: boolean
  /** In mode `mock` the proof is not valid on chain. */
  proverMode: string
  /** The request on a prover network. */
  request?: { id: string, explorer?: string, cycles?: number, cost?: string }
  /** Always there on a completed job: whether its proof passed a check. */
  verified?: boolean
  verifiedBy?: string[]
  /** Hex, as is all of the following. */
  zkProof?: string
  publicValues?: string
  /** What a gas relayer takes. */
  claim?: { pubkey: string, amount: string, merkleProof: string[], zkProof: string, recipient: string }
  /** What a wallet sends. */
  transaction?: { chainId: number, to: string, data: string }
  /** Of a failed job. */
  code?: ErrorCode
  message?: string
  retryable?: boolean
  retryAfter?: number
}

/** A whole job at one version: the latest alone is enough. `id` is the version. */
export interface JobEvent {
  type: "position" | "running" | "verified" | "completed" | "failed"
  id: number
  job: Job
}

/** The public figures. */
export interface Service {
  queued: number
  running: number
  capacity: number
  workers: number
  oldestWaitSeconds: number
  completedLastHour: number
  /** By code. */
  failedLastHour: Record<string, number>
  /** Absent until a proof was made. */
  proofSeconds?: { p50: number, p90: number }
  proverMode: string
  /** The checks that a proof must pass. */
  verifies: string[]
  chainId?: number
  /** Claims are taken without a credential. */
  anonymous?: boolean
  draining: boolean
  /** Why new claims are refused for now, in the operator's words. */
  paused?: string
  /** The chain cannot be asked: new claims are refused until it answers again. */
  chainAway?: boolean
  version: string
}

export interface ServiceEvent {
  type: "service"
  id: number
  service: Service
}

export interface Stats extends Service {
  /** The last sixty minutes, oldest first; the percentiles are seconds. */
  history: { at: string, completed: number, failed: number, p50: number, p90: number }[]
}

/** Why the service refused, or why a job failed. */
export type ErrorCode =
  | "invalid_input" | "challenge_mismatch" | "unauthorized" | "invalid_signature" | "forbidden" | "not_eligible"
  | "amount_mismatch" | "not_found" | "method_not_allowed" | "already_claimed" | "claims_closed" | "already_finished"
  | "payload_too_large" | "unsupported_media_type" | "rate_limited" | "internal_error" | "queue_full"
  | "rpc_unavailable" | "budget_exhausted" | "shutting_down" | "unavailable" | "timeout" | "proof_failed"
  | "verification_failed" | "cancelled"
