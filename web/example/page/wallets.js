/**
 * Who can sign: the extensions that put themselves into window.injectedWeb3, and keys for development.
 *
 * A wallet is { id, name, open() }; open gives { accounts: [{ address, name, type }], sign(address, challenge) }. The
 * challenge is 0x and 64 digits; what is signed of it is `<Bytes>`, its 32 bytes, `</Bytes>`.
 * @module
 */
import { wallet as t } from "./words.js"

/** What a dApp is called in the wallet's question. */
const dApp = "claimprover example"

/** The wallets that are there now; extensions may come some moments after the page. */
export const wallets = () => [...Object.entries(globalThis.injectedWeb3 ?? {}).map(injected), development]

function injected([id, extension]) {
  return {
    id, name: Object.hasOwn(t.names, id) ? t.names[id] : id,
    async open() {
      const { accounts, signer } = await (extension.connect ?? extension.enable).call(extension, dApp)
      return {
        accounts: (await accounts.get()).map(({ address, name, type }) => ({ address, name: name || address, type: type ?? "sr25519" })),
        sign: async (address, challenge) => (await signer.signRaw({ address, data: challenge, type: "bytes" })).signature, // it wraps the bytes
      }
    },
  }
}

/** Some wallets put the kind of key before the signature: 1 is sr25519. Nothing for what can be none of it. */
export const sr25519Signature = signature =>
  /^0x(?:01)?([0-9a-f]{128})$/i.exec(signature ?? "")?.[1].toLowerCase().replace(/^/, "0x")

/** Substrate's well-known accounts //Alice, who stands on the example's list, and //Ferdie, who does not. */
const seeds = {
  "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY": "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
  "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL": "42438b7883391c05512a938e36c2df0131e088b3756d6aa7a755fbff19d2f842",
}

const development = {
  id: "development", name: t.development,
  async open() {
    const { secretFromSeed, sign } = await import("./vendor/sr25519.js") // which nobody else needs
    const [alice, ferdie] = Object.keys(seeds)
    return {
      accounts: [{ address: alice, name: "Alice", type: "sr25519" }, { address: ferdie, name: "Ferdie", type: "sr25519" }],
      async sign(address, challenge) {
        const message = new Uint8Array([...ascii("<Bytes>"), ...bytes(challenge.slice(2)), ...ascii("</Bytes>")])
        return "0x" + hex(sign(secretFromSeed(bytes(seeds[address])), message))
      },
    }
  },
}

const ascii = text => new TextEncoder().encode(text)
const bytes = digits => Uint8Array.from(digits.match(/../g), pair => parseInt(pair, 16))
const hex = bytes => Array.from(bytes, b => b.toString(16).padStart(2, "0")).join("")
