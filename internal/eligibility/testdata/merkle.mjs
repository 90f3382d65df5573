// Writes merkle.json: trees made by npm @openzeppelin/merkle-tree, with the proof of every entry. Run it with
//   node internal/eligibility/testdata/merkle.mjs
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { StandardMerkleTree } from '@openzeppelin/merkle-tree'

const greatest = (1n << 256n) - 1n

function entries(size) {
  return Array.from({ length: size }, (_, i) => {
    const key = createHash('sha256').update(`account ${i} of ${size}`).digest()
    const amount = [1n, greatest, 0n, 10n ** 18n][i] ?? BigInt('0x' + key.toString('hex')) >> BigInt(8 * (i % 32))
    return ['0x' + key.toString('hex'), amount.toString()]
  })
}

const trees = [1, 2, 3, 5, 8, 33].map((size) => {
  const tree = StandardMerkleTree.of(entries(size), ['bytes32', 'uint256'])
  return {
    root: tree.root,
    entries: [...tree.entries()].map(([i, [key, amount]]) => ({ key, amount, proof: tree.getProof(i) })),
  }
})
writeFileSync(new URL('merkle.json', import.meta.url), JSON.stringify(trees, null, 1) + '\n')
