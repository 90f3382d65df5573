// What is shipped: its size, its types, its package.
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import { test } from "node:test"
import { brotliCompressSync } from "node:zlib"
import { publint } from "publint"

const folder = new URL("./", import.meta.url), here = fileURLToPath(folder)
const root = fileURLToPath(new URL("../..", import.meta.url))

test("the module weighs less than 6 KB with brotli, as served", async t => {
  const size = brotliCompressSync(await readFile(new URL("client.js", folder))).length
  t.diagnostic(`${size} bytes`)
  assert.ok(size < 6000, String(size))
})

test("importing it does nothing and makes nothing global", async () => {
  const before = Object.getOwnPropertyNames(globalThis), handles = process.getActiveResourcesInfo()
  const exported = await import("./client.js?again")
  assert.deepEqual(Object.getOwnPropertyNames(globalThis), before)
  assert.deepEqual(process.getActiveResourcesInfo().filter(r => r == "Timeout"), handles.filter(r => r == "Timeout"))
  assert.deepEqual(Object.keys(exported).sort(), ["ClaimError", "Follow", "cancel", "follow", "followStats", "stats", "submit"])
})

test("its declarations hold for who uses them", async t => {
  const use = await mkdtemp(tmpdir() + "/claimprover-types-")
  t.after(() => rm(use, { recursive: true }))
  await writeFile(use + "/use.ts", `
    import { submit, follow, followStats, stats, cancel, ClaimError, type Claim, type ErrorCode, type Job } from ${JSON.stringify(here + "client.js")}
    declare const claim: Claim
    const { jobId } = await submit("https://prover.example", claim, { token: async () => "t", signal: AbortSignal.timeout(1) })
    const job = follow(new URL("https://prover.example"), jobId, { transports: ["sse"] })
    job.addEventListener("update", e => { const version: number = e.detail.id })
    job.addEventListener("connection", () => { const c: "connecting" | "live" | "polling" | "offline" | "ended" = job.connection })
    for await (const { type, job: j } of job) if (type == "completed") { const proof: string | undefined = j.zkProof }
    const done: Job = await job.result
    try { await cancel("/", jobId) } catch (error) { if (error instanceof ClaimError) { const code: ErrorCode = error.code } }
    for await (const { service } of followStats("/")) { const n: number = service.queued }
    const minutes: number = (await stats("/")).history.length
    // @ts-expect-error a claim has five fields
    await submit("/", { amount: "1" })
    // @ts-expect-error there is no such way
    follow("/", jobId, { transports: ["pigeon"] })
    // @ts-expect-error it is made by follow
    new (await import(${JSON.stringify(here + "client.js")})).Follow()
  `)
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--types", "", "--lib", "es2022,dom,dom.iterable,dom.asynciterable"]
  execFileSync("npx", ["tsc", ...options, use + "/use.ts"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
})

/** The packed package, as a registry would hold it. */
async function pack(t) {
  const folder = await mkdtemp(tmpdir() + "/claimprover-package-")
  t.after(() => rm(folder, { recursive: true }))
  const [{ filename, files }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }))
  return { folder, file: folder + "/" + filename, files: files.map(f => f.path).sort() }
}

test("the package holds what it names, and nothing else", async t => {
  assert.deepEqual((await pack(t)).files, ["LICENSE", "README.md", "client.d.ts", "client.js", "package.json"])
  const { exports, sideEffects } = JSON.parse(await readFile(new URL("package.json", folder), "utf8"))
  assert.equal(Object.keys(exports["."])[0], "types")
  assert.equal(sideEffects, false)
})

test("publint and arethetypeswrong find nothing in it", async t => {
  const { messages } = await publint({ pkgDir: here, strict: true })
  assert.deepEqual(messages, [])
  const { file } = await pack(t)
  // It is a module only: `require` of one is an error in older versions of Node, and that is meant.
  execFileSync("npx", ["attw", "--profile", "esm-only", "--no-emoji", "--no-color", file], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
})

test("who installs it imports it by its name, with its types", async t => {
  const { folder, file } = await pack(t)
  await writeFile(folder + "/package.json", `{"type":"module","private":true}`)
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", file], { cwd: folder, stdio: "ignore" })
  await writeFile(folder + "/use.mjs", `import { follow, ClaimError } from "claimprover-client"
    console.log(typeof follow, new ClaimError({ code: "timeout" }).code)`)
  assert.equal(execFileSync("node", ["use.mjs"], { cwd: folder, encoding: "utf8" }), "function timeout\n")
  await writeFile(folder + "/use.ts", `import { follow, type ErrorCode } from "claimprover-client"
    export const code: ErrorCode | undefined = follow("https://prover.example", "x").job?.code`)
  execFileSync(root + "node_modules/.bin/tsc", ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", "", "--lib", "es2022,dom,dom.iterable", "use.ts"], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] })
})
