/* js-libp2p as WhatNext runs it: its locked versions (package.json) and its configuration,
 * without WebRTC and WebSocket. A new key at every start; it never dials by itself.
 * interop/README.md has events and commands; here there is one more command, `pings`. */
import { parseArgs } from 'node:util'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { mdns } from '@libp2p/mdns'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import { stay, watch } from './idle.mjs'
import { say } from './say.mjs'

const args = process.argv.slice(2)
if (args.shift() !== 'idle') {
  console.error('peer: the one mode is idle')
  process.exit(1)
}
const { values: o } = parseArgs({
  args,
  options: {
    listen: { type: 'string', default: '/ip4/0.0.0.0/tcp/0' },
    mdns: { type: 'boolean', default: false },
    'ping-interval': { type: 'string', default: '10000' }
  }
})

/* The connection monitor tells nobody of its pings; count the streams it opens for them. */
const pings = { sent: 0, answered: 0, unsupported: 0, failed: 0 }
function countPings (conn) {
  const newStream = conn.newStream.bind(conn)
  conn.newStream = async (protocols, options) => {
    if (protocols !== '/ipfs/ping/1.0.0') {
      return newStream(protocols, options)
    }
    pings.sent++
    try {
      const stream = await newStream(protocols, options)
      let got = 0
      stream.addEventListener('message', ({ data }) => {
        got += data.byteLength
        if (got === 32) {
          pings.answered++
        }
      })
      stream.addEventListener('close', ({ error }) => {
        if (error !== undefined || got < 32) {
          pings.failed++
        }
      })
      return stream
    } catch (err) {
      pings[err.name === 'UnsupportedProtocolError' ? 'unsupported' : 'failed']++
      throw err
    }
  }
}

function discovery (components) {
  /* `serviceName` is no option of this package: what goes out is _p2p._udp.local all the same. */
  const found = mdns({ interval: 1000, serviceName: '_whatnext._udp.local' })(components)
  const told = new Set()
  found.addEventListener('peer', ({ detail: i }) => {
    const addrs = i.multiaddrs.map(a => a.toString())
    const text = `${i.id} ${addrs}`
    if (!told.has(text)) {
      told.add(text)
      say({ event: 'discovered', peer: i.id.toString(), addrs })
    }
  })
  return found
}

const node = await createLibp2p({
  addresses: { listen: [o.listen] },
  transports: [tcp(), circuitRelayTransport()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  peerDiscovery: o.mdns ? [discovery] : [],
  services: { identify: identify() },
  connectionManager: { maxConnections: 10 },
  connectionMonitor: { pingInterval: Number(o['ping-interval']) }
})
node.addEventListener('connection:open', ({ detail: conn }) => countPings(conn))
for (const name of ['peer:connect', 'peer:disconnect']) {
  node.addEventListener(name, ({ detail: id }) => say({ event: name, peer: id.toString() }))
}
watch(node)
say({
  event: 'listening',
  peer: node.peerId.toString(),
  addrs: node.getMultiaddrs().map(a => a.toString())
})
await stay(node, { pings: () => say({ event: 'pings', ...pings }) })
process.exit()
