/** Sends a claim with an EIP-1193 wallet, as window.ethereum is one. @module */

export const provider = () => globalThis.ethereum

/** The wallet's own address, asking for it if need be. */
export const account = async () => (await provider().request({ method: "eth_requestAccounts" }))[0]

/** Thrown when the wallet is on another chain and stays there. */
export class OtherChain extends Error {}

/**
 * Sends the transaction of a finished job and gives its hash. The wallet asks its owner; whoever sends it pays the gas.
 * @param {{ chainId: number, to: string, data: string }} transaction
 */
export async function send({ chainId, to, data }) {
  const from = await account(), { request } = bound(provider())
  if (Number(await request({ method: "eth_chainId" })) != chainId) {
    try {
      await request({ method: "wallet_switchEthereumChain", params: [{ chainId: "0x" + chainId.toString(16) }] })
    } catch (cause) {
      throw new OtherChain(`The wallet stays on another chain: ${cause?.message ?? cause}`, { cause })
    }
  }
  return request({ method: "eth_sendTransaction", params: [{ from, to, data }] })
}

const bound = wallet => ({ request: wallet.request.bind(wallet) })

/** Waits until the transaction is in a block, as long as the signal lets it. @param {string} hash @param {AbortSignal} signal */
export async function mined(hash, signal) {
  for (;;) {
    const receipt = await provider().request({ method: "eth_getTransactionReceipt", params: [hash] }).catch(() => null)
    signal.throwIfAborted()
    if (receipt) return { accepted: receipt.status == "0x1", block: Number(receipt.blockNumber) }
    await new Promise(resolve => setTimeout(resolve, 2000))
    signal.throwIfAborted()
  }
}

/** Whether the wallet's owner said no (EIP-1193: 4001). */
export const declined = error => error?.code === 4001
