/* The js-libp2p side of the interop runs; interop/README.md is its contract. */
import { parseArgs } from 'node:util'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify, identifyPush } from '@libp2p/identify'
import { mdns } from '@libp2p/mdns'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import { drive } from './drive.mjs'
import { idle } from './idle.mjs'
import { official } from './official.mjs'
import { recordingNoise } from './record.mjs'
import { say } from './say.mjs'
import { serve } from './serve.mjs'

/* The node's own peer:discovery also tells of whoever dials us: take mDNS at its source, and
 * once per set of addresses. */
function tellingMdns (components) {
  const discovery = mdns()(components)
  const told = new Map()
  discovery.addEventListener('peer', ({ detail: i }) => {
    const addrs = i.multiaddrs.map(a => a.toString())
    if (told.get(i.id.toString()) !== addrs.join()) {
      told.set(i.id.toString(), addrs.join())
      say({ event: 'discovered', peer: i.id.toString(), addrs })
    }
  })
  return discovery
}

async function newNode (o) {
  const init = {
    addresses: { listen: [o.listen] },
    transports: [tcp()],
    connectionEncrypters: [o.record === undefined ? noise() : recordingNoise(o.record)],
    streamMuxers: [yamux()],
    services: { identify: identify(), identifyPush: identifyPush(), ping: ping() },
    peerDiscovery: o.mdns ? [tellingMdns] : []
  }
  if (o.seed !== undefined) {
    const seed = new Uint8Array(32)
    new DataView(seed.buffer).setUint32(28, Number(o.seed))
    init.privateKey = await generateKeyPairFromSeed('Ed25519', seed)
  }
  if (!o['default-limits']) {
    /* Many runs come from one host in a second; the default takes 5. */
    init.connectionManager = { inboundConnectionThreshold: 1000 }
  }
  const node = await createLibp2p(init)
  await serve(node, o['default-limits'] ? {} : { maxInboundStreams: 4096, maxOutboundStreams: 4096 })
  return node
}

const args = process.argv.slice(2)
const mode = args.length > 0 ? args.shift() : 'transport'
const { values } = parseArgs({
  args,
  options: {
    seed: { type: 'string' },
    listen: { type: 'string', default: '/ip4/0.0.0.0/tcp/0' },
    mdns: { type: 'boolean', default: false },
    'default-limits': { type: 'boolean', default: false },
    record: { type: 'string' },
    to: { type: 'string' },
    checks: { type: 'string', default: 'seq,par,sha_up,sha_down,half_close' },
    seq: { type: 'string', default: '1000' },
    par: { type: 'string', default: '200' },
    bytes: { type: 'string', default: String(100 * 1024 * 1024) }
  }
})

const modes = { transport: official, idle, drive }
try {
  if (modes[mode] === undefined) {
    throw new Error(`no mode "${mode}": transport, idle or drive`)
  }
  process.exitCode = await modes[mode](newNode, values)
} catch (err) {
  console.error('peer:', err)
  process.exitCode = 1
}
/* Timers of the library outlive its stop(). */
process.exit()
