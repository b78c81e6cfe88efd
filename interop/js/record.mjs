/* Noise whose cryptography writes down what it does: `interop/record` makes test vectors of it.
 * One JSON object a line: a key pair, or the plain bytes of one seal or open, in order. */
import { appendFileSync } from 'node:fs'
import { noise } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'

const hex = bytes => Buffer.from(bytes.subarray()).toString('hex')

export function recordingNoise (file) {
  const line = o => appendFileSync(file, JSON.stringify(o) + '\n')
  const pair = keys => {
    line({ what: 'key', secret: hex(keys.privateKey), public: hex(keys.publicKey) })
    return keys
  }
  return noise({
    crypto: {
      ...defaultCrypto,
      generateX25519KeyPair: () => pair(defaultCrypto.generateX25519KeyPair()),
      chaCha20Poly1305Encrypt (plain, ...rest) {
        line({ what: 'seal', plain: hex(plain) })
        return defaultCrypto.chaCha20Poly1305Encrypt(plain, ...rest)
      },
      chaCha20Poly1305Decrypt (...args) {
        const plain = defaultCrypto.chaCha20Poly1305Decrypt(...args)
        line({ what: 'open', plain: hex(plain) })
        return plain
      }
    }
  })
}
