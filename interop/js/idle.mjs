/* Stay, serve, tell what happens as JSON lines, take commands from standard input. */
import { createInterface } from 'node:readline'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { say } from './say.mjs'

const direction = conn => (conn.direction === 'inbound' ? 'in' : 'out')
const texts = addrs => addrs.map(a => a.toString())
const target = text => (text.startsWith('/') ? multiaddr(text) : peerIdFromString(text))

export function watch (node) {
  const connection = event => ({ detail: c }) => say({
    event, peer: c.remotePeer.toString(), addr: c.remoteAddr.toString(), direction: direction(c)
  })
  node.addEventListener('connection:open', connection('connected'))
  node.addEventListener('connection:close', connection('disconnected'))
  node.addEventListener('peer:identify', ({ detail: i }) => say({
    event: 'identified',
    peer: i.peerId.toString(),
    agent: i.agentVersion ?? '',
    protocols: i.protocols,
    addrs: texts(i.listenAddrs),
    certified: i.signedPeerRecord == null ? null : texts(i.signedPeerRecord.addresses)
  }))
}

/* Open n streams at once and tell how each ended. */
async function openMany (node, peer, protocol, n) {
  const r = { event: 'streams', peer: peer.toString(), opened: 0, refused: 0, failed: 0 }
  await Promise.all(Array.from({ length: n }, async () => {
    try {
      const conn = node.getConnections(peer)[0]
      const stream = await conn.newStream(protocol, {
        signal: AbortSignal.timeout(20_000), maxOutboundStreams: 4096
      })
      r.opened++
      stream.abort(new Error('enough'))
    } catch (err) {
      r[err.name === 'UnsupportedProtocolError' ? 'refused' : 'failed']++
    }
  }))
  say(r)
}

/* `more` are commands that only one of our js programs has. */
async function command (node, words, more) {
  const signal = AbortSignal.timeout(20_000)
  const to = words.length > 1 ? target(words[1]) : undefined
  switch (words[0]) {
    case 'peers':
      say({
        event: 'peers',
        peers: node.getConnections().map(c => ({
          peer: c.remotePeer.toString(),
          addr: c.remoteAddr.toString(),
          direction: direction(c),
          streams: c.streams.length
        }))
      })
      break
    case 'listen':
      await node.components.transportManager.listen([to])
      break
    case 'dial':
      await node.dial(to, { signal })
      break
    case 'close':
      await node.hangUp(to, { signal })
      break
    case 'ping': {
      const start = performance.now()
      await node.services.ping.ping(to, { signal })
      say({ event: 'ping', peer: words[1], rtt_ms: performance.now() - start })
      break
    }
    case 'streams':
      await openMany(node, to, words[2], Number(words[3]))
      break
    default:
      if (more[words[0]] !== undefined) {
        more[words[0]]()
        break
      }
      throw new Error(`no command "${words[0]}"`)
  }
}

export async function stay (node, more = {}) {
  const lines = createInterface({ input: process.stdin })
  const quit = new Promise(resolve => {
    process.on('SIGINT', resolve)
    process.on('SIGTERM', resolve)
    lines.on('close', resolve)
    lines.on('line', line => {
      const words = line.trim().split(/\s+/)
      if (words[0] === 'quit') {
        resolve()
      } else if (words[0] !== '') {
        command(node, words, more).catch(err =>
          say({ event: 'error', command: line, text: String(err.message ?? err) }))
      }
    })
  })
  await quit
  await node.stop()
  return 0
}

export async function idle (newNode, options) {
  const node = await newNode(options)
  watch(node)
  say({ event: 'listening', peer: node.peerId.toString(), addrs: texts(node.getMultiaddrs()) })
  return stay(node)
}
