// docs/integrate.md and docs/migrate.md, run: the page and the scripts in a browser, from another origin than the
// service's, the commands in a shell.
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { after, before, test } from "node:test"
import { submit } from "../client/client.js"
import { launch } from "./browser.js"
import { evmAccount, settings, signedByBob, visit } from "./example.js"
import { key, program, serve } from "./service.js"

const read = name => readFile(new URL("../../docs/" + name, import.meta.url), "utf8")
const paper = await read("integrate.md")
/** A paper's blocks of a language, in their order. */
const blocks = (language, of = paper) => [...of.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].filter(m => m[1] == language).map(m => m[2])
const address = "https://prover.example" // as the paper calls the service

let browser, service, dApp
before(async () => {
  [browser, service] = await Promise.all([launch(), serve({ ...settings, MOCK_DELAY: "500ms", IP_RATE_LIMIT_MAX_REQUESTS: "1000" })])
  dApp = createServer(async (req, res) => { // the reader's back end
    if (req.url != "/token") return res.setHeader("Content-Type", "text/html").end("<!doctype html><title>A page</title>" + (dApp.page ?? ""))
    const minted = await fetch(service.url + "/v1/tokens", {
      method: "POST", headers: { Authorization: "Bearer " + key, "Content-Type": "application/json" }, body: `{"scope":["submit","read"]}` })
    res.end(await minted.text())
  })
  await new Promise(resolve => dApp.listen(0, "127.0.0.1", resolve))
  dApp.url = "http://127.0.0.1:" + dApp.address().port
})
after(async () => {
  dApp.closeAllConnections()
  await Promise.all([browser.close(), service.stop(), new Promise(resolve => dApp.close(resolve))])
})

/** What a wallet on the list signed, and the same for another recipient when asked for. */
async function claim(evmAddress = evmAccount) {
  const asked = await fetch(`${service.url}/v1/claims/${signedByBob.address}?evmAddress=${evmAddress}`, { headers: { Authorization: "Bearer " + key } })
  const { amount, sign } = await asked.json()
  return { ss58Address: signedByBob.address, signature: signedByBob.signature(sign.challenge), evmAddress, challenge: sign.challenge, amount }
}

/** Runs a script and gives what it printed. */
async function shell(script, env, cwd = ".") {
  const child = spawn("sh", ["-euc", script], { cwd, stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, ...env } })
  let out = "", err = ""
  child.stdout.on("data", text => { out += text })
  child.stderr.on("data", text => { err += text })
  assert.equal(await new Promise(resolve => child.on("close", resolve)), 0, err)
  return out
}

async function page(t, content, given = {}) {
  const context = await browser.newContext()
  t.after(() => context.close())
  dApp.page = content.replaceAll(address, service.url)
  const { page, faults, asked } = await visit(context, dApp.url, { wallets: { polkadot: {}, evm: {} }, given })
  await page.waitForFunction(() => globalThis.told.at(-1)?.[0] == "done" || globalThis.told.at(-1)?.[0] == "explain")
  return { told: await page.evaluate(() => globalThis.told), hash: new URL(page.url()).hash, faults, asked }
}

test("the page of twenty lines goes from a signed claim to its proof", async t => {
  const [html] = blocks("html")
  assert.ok(html.split("\n").length < 24)
  const { told, hash, faults } = await page(t, html, { claim: await claim() })
  assert.deepEqual(faults, [])
  assert.equal(told.at(-1)[0], "done")
  assert.match(told.at(-1)[1].data, /^0x29b6d5f2/)
  assert.equal(told.at(-1)[2], "0x")
  assert.match(hash, /^#job=[\da-f-]{36}$/)
  assert.deepEqual(told.filter(c => c[0] == "badge").map(c => c[1]), ["live", "ended"])
  assert.equal(told.filter(c => c[0] == "render").at(-1)[1], "completed")
})

test("the page of twenty lines explains a refusal", async t => {
  const { told, faults } = await page(t, blocks("html")[0], { claim: { ...await claim(), amount: "1" } })
  assert.deepEqual(faults, [])
  assert.equal(told[0][1], "amount_mismatch")
  assert.ok(told[0][2] && told[0][4], "it has a message and a request id")
})

test("the scripts ask, sign, follow over both transports, and send", async t => {
  const [ask, send, sse, ws] = blocks("js")
  const { told, faults, asked } = await page(t, `<script type="module">
    import { submit, follow } from "${address}/client.js"
    const token = async () => (await (await fetch("/token", { method: "POST" })).json()).token, evmAddress = "0x00000000000000000000000000000000000000ac", seen = 0
    const comeBack = code => { throw new Error(String(code)) }
    ${ask}
    const { jobId } = await submit(prover, claim, { token })
    { ${sse} }
    { ${ws} }
    const job = await follow(prover, jobId).result
    ${send}
    await new Promise(resolve => setInterval(() => told.filter(c => c[1] == "completed").length == 2 && resolve(), 50))
    done(hash)
  </script>`)
  assert.deepEqual(faults, [])
  assert.equal(asked.filter(a => a.signRaw).length, 1)
  assert.deepEqual(asked.slice(-2).map(a => a.method), ["wallet_switchEthereumChain", "eth_sendTransaction"])
  assert.equal(told.filter(c => c[1] == "running" && c[2].phase == "proving").length, 2, "one by each transport")
})

test("the commands do what is said of them", async t => {
  const folder = await mkdtemp(tmpdir() + "/claimprover-papers-")
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(folder + "/claim.json", JSON.stringify(await claim("0x00000000000000000000000000000000000000aa")))
  const out = await shell(blocks("sh").join('\necho "//"\n'), { CLAIMPROVER_URL: service.url, CLAIMPROVER_API_KEY: key }, folder)
  const [minted, submitted, polled, streamed] = out.split("//\n")
  assert.ok(JSON.parse(minted).token)
  assert.equal(submitted, "")
  const first = JSON.parse(await readFile(folder + "/job.json", "utf8")), then = JSON.parse(polled)
  assert.ok(then.version > first.version || then.position !== first.position, "the poll waited for news")
  assert.match(streamed, /^event:completed$/m)
  assert.ok(streamed.includes(first.jobId))
})

test("the event that is shown has no field that there is not, and every type and field that is named is", async () => {
  const openapi = await (await fetch(service.url + "/openapi.json")).json()
  const known = openapi.components.schemas.Job.properties
  const { type, id, job } = JSON.parse(blocks("json")[0])
  assert.deepEqual(Object.keys(job).filter(name => !known[name]), [])
  assert.deepEqual([type, id], [job.status, job.version])
  const rows = [...paper.matchAll(/^\| `(\w+)` \| .* \| (.*) \|$/gm)].filter(r => r[1] != "type")
  assert.deepEqual(rows.map(r => r[1]), ["position", "running", "verified", "completed", "failed"])
  for (const [, , fields] of rows) for (const [, name] of fields.matchAll(/`(\w+)`/g)) assert.ok(known[name], name)
})

test("what is said of repeating holds: another signature of the same claim finds its job", async () => {
  const one = await claim("0x00000000000000000000000000000000000000ab"), two = await claim(one.evmAddress)
  assert.notEqual(one.signature, two.signature)
  const jobs = await Promise.all([one, two].map(c => submit(service.url, c, { token: key })))
  assert.equal(jobs[0].jobId, jobs[1].jobId)
})

test("what a page may send and read across origins is what is said", async () => {
  const preflight = await fetch(service.url + "/v1/jobs", { method: "OPTIONS", headers: { Origin: "https://app.example", "Access-Control-Request-Method": "POST" } })
  const [, may, reads] = /Pages may send (.*?), and read (.*?)\./.exec(paper)
  const named = text => [...text.matchAll(/`([\w-]+)`/g)].map(m => m[1].toLowerCase()).sort()
  const list = header => header.split(",").map(name => name.trim().toLowerCase()).sort()
  assert.deepEqual(named(may), list(preflight.headers.get("access-control-allow-headers")))
  const read = await fetch(service.url + "/v1/stats", { headers: { Origin: "https://app.example" } })
  assert.deepEqual(named(reads), list(read.headers.get("access-control-expose-headers")))
  assert.equal(read.headers.get("access-control-allow-credentials"), null)
})

test("the old environment can be judged before anything is switched", async () => {
  const [judge] = blocks("sh", await read("migrate.md"))
  const out = await shell(judge.replace(" claimprover ", ` ${program()} `), { WORKER_COUNT: "8" })
  assert.match(out, /WORKER_COUNT +8 +env/)
  assert.match(out, /CORS_ALLOWED_ORIGINS +https:\/\/app.example +env/)
})

test("the dApp of the Rust service sees what it looks at", async t => {
  const old = await serve({ ALLOW_ANONYMOUS: "true", API_KEYS: "", MOCK_DELAY: "100ms" })
  t.after(() => old.stop())
  const post = body => fetch(old.url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
  const refused = await post({ ...await claim(), signature: "0x12" })
  assert.equal(refused.status, 400)
  assert.ok((await refused.json()).message)
  const { jobId } = await (await post(await claim())).json()
  let job
  do job = await (await fetch(old.url + "//status/" + jobId)).json()
  while (["pending", "running"].includes(job.status))
  assert.equal(job.status, "completed")
  assert.equal(job.zkProof, "0x")
  const { status, error } = await (await fetch(old.url + "/status/" + crypto.randomUUID())).json()
  assert.equal(status, "failed")
  assert.ok(error)
  const health = Object.keys(await (await fetch(old.url + "/health")).json())
  assert.deepEqual(health.slice(0, 9), ["status", "prover_mode", "verify_proof", "verify_onchain", "jobs", "cache_size", "queue_size", "queue_capacity", "proof_metrics"])
})

test("every code that is named has its entry", async () => {
  const errors = await read("errors.md"), migrate = await read("migrate.md")
  const [sentence] = /The codes it had[^]*?New ones/.exec(migrate)
  const codes = [...sentence.matchAll(/`(\w+)`/g)].map(m => m[1])
  assert.equal(codes.length, 12)
  for (const code of codes) assert.match(errors, new RegExp(`^## ${code}$`, "m"))
})
