import assert from "node:assert/strict"
import { test } from "node:test"
import jsqr from "jsqr"
import { encode } from "../static/assets/qr.js"

const read = jsqr.default ?? jsqr

/** What a camera would make of it. */
function scanned(grid, scale = 4) {
  const size = (grid.length + 8) * scale, pixels = new Uint8ClampedArray(size * size * 4).fill(255)
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++)
    if (grid[Math.floor(y / scale) - 4]?.[Math.floor(x / scale) - 4]) pixels.fill(0, (y * size + x) * 4, (y * size + x) * 4 + 3)
  return read(pixels, size, size)?.data
}

test("a reader gets back every text up to what ten versions hold", () => {
  const long = "https://prover.example/#job=7f3a91e0-4c1b-4d2a-9f00-1b2c3d4e5fc2?ä=" + "0123456789abcdef".repeat(12)
  for (let n = 1; n <= 212; n += n < 60 ? 3 : 7) assert.equal(scanned(encode(long.slice(0, n))), long.slice(0, n))
})

test("what is too long has no code", () => {
  assert.ok(encode("x".repeat(213)))
  assert.equal(encode("x".repeat(214)), undefined)
})
