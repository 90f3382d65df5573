import assert from "node:assert/strict"
import { test } from "node:test"
import { checked, clock, duration, exact, jobIdIn, link, list, publicValues, range, rough, short, tokens } from "../static/assets/format.js"

const plain = words => words.replaceAll("\u00a0", " ").replaceAll("\u2060", "")
const id = "7f3a91e0-4c1b-4d2a-9f00-1b2c3d4e5fc2"

test("a job id is found in an id, a link of any host, and whatever surrounds them", () => {
  for (const text of [id, ` ${id}\n`, id.toUpperCase(), `https://prover.example/#job=${id}`, `/v1/jobs/${id}/events`, `see <${id}>`])
    assert.equal(jobIdIn(text), id)
  for (const text of ["", "7f3a", id.slice(1), id.replaceAll("-", ""), "javascript:alert(1)"]) assert.equal(jobIdIn(text), undefined)
})

test("durations are exact, glances are rounded", () => {
  for (const [ms, words] of [[-5, "under 1 s"], [0, "under 1 s"], [1000, "1 s"], [59_400, "59 s"], [59_600, "1 min 00 s"], [182_000, "3 min 02 s"], [3_725_000, "1 h 2 min"]])
    assert.equal(plain(duration(ms)), words)
  for (const [s, words] of [[0, "0 s"], [42, "42 s"], [90, "2 min"], [5399, "90 min"], [7300, "2 h"]]) assert.equal(plain(rough(s)), words)
})

test("a clock is the reader's own, in 24 hours", () => {
  for (const [h, m, s, words] of [[0, 0, 0, "00:00:00"], [9, 5, 7, "09:05:07"], [23, 59, 59, "23:59:59"]])
    assert.equal(clock(new Date(2026, 10, 24, h, m, s).toISOString()), words)
})

test("a range is never more exact than it can be", () => {
  for (const [from, to, words] of [[250, 415, "about 4–7 min"], [180, 350, "about 3–6 min"], [5, 5.2, "about 5–10 s"], [5, 5, "about 5 s"], [0, 3, "about 5 s"],
    [30, 90, "about 1–2 min"], [60, 60, "about 1 min"], [4000, 8000, "about 1–3 h"]])
    assert.equal(plain(range(from, to)), words)
})

test("tokens are exact to the last unit", () => {
  for (const [units, words] of [["1", "0.000000000000000001"], ["1000000000000000000", "1.0"], ["123450000000000000000", "123.45"], ["1234567000000000000000000", "1 234 567.0"],
    ["115792089237316195423570985008687907853269984665640564039457584007913129639935", "115 792 089 237 316 195 423 570 985 008 687 907 853 269 984 665 640 564 039 457.584007913129639935"]])
    assert.equal(tokens(units).replaceAll(/\s/g, " "), words)
})

test("public values are read as the contract encodes them, or not at all", () => {
  const hex = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d" + "000000000000000000000000742d35cc6634c0532925a3b844bc9e7595f4a3b2" +
    "0000000000000000000000000000000000000000000000000de0b6b3a7640000" + "45857f7b7a2ac6f84dc2472128ed1ae7c2504500509735c528f8132877a93f46"
  assert.deepEqual(publicValues(hex), {
    pubkey: "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d", recipient: "0x742d35cc6634c0532925a3b844bc9e7595f4a3b2",
    amount: "1000000000000000000", challenge: "0x45857f7b7a2ac6f84dc2472128ed1ae7c2504500509735c528f8132877a93f46",
  })
  for (const bad of [undefined, "", "0x", hex.slice(0, -1), hex + "00", hex.replace("d", "g")]) assert.equal(publicValues(bad), undefined)
})

test("only https becomes a link", () => {
  assert.equal(link("https://explorer.example/x"), "https://explorer.example/x")
  for (const bad of [undefined, "", "javascript:alert(1)", "data:text/html,x", "http://explorer.example", "//explorer.example", "https://a:b@explorer.example", " javascript:alert(1)", "JaVaScRiPt:alert(1)"])
    assert.equal(link(bad), undefined, bad)
})

test("lists and names read like sentences", () => {
  assert.equal(list(["a", "b", "c"]), "a, b and c")
  assert.equal(checked(["groth16", "onchain"]), "Groth16 and the verifier contract")
  assert.equal(checked(["toString", "new"]), "toString and new")
  assert.equal(checked(undefined), "")
  assert.equal(short("0x742d35cc6634c0532925a3b844bc9e7595f4a3b2"), "0x742d…a3b2")
  assert.equal(short("0x742d35cc"), "0x742d35cc")
  assert.equal(exact("2026-11-24T12:01:04.123Z"), "2026-11-24 12:01:04.123 UTC")
})
