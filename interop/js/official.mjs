/* The two official transport contracts: environment in, redis in between, one report out. */
import { createConnection } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'

function readContract (env) {
  const seconds = text => (Number.parseInt(text ?? '', 10) > 0 ? Number.parseInt(text, 10) : 180)
  if (env.IS_DIALER !== undefined) {
    if (!env.TEST_KEY) {
      throw new Error('TEST_KEY is not set')
    }
    return {
      dialer: env.IS_DIALER === 'true',
      stack: [env.TRANSPORT, env.SECURE_CHANNEL, env.MUXER],
      ip: env.LISTENER_IP ?? '0.0.0.0',
      redis: env.REDIS_ADDR ?? 'transport-redis:6379',
      key: `${env.TEST_KEY}_listener_multiaddr`,
      timeout: seconds(env.TEST_TIMEOUT_SECS),
      report: (handshake, rtt) => 'latency:\n' +
        `  handshake_plus_one_rtt: ${handshake.toFixed(3)}\n` +
        `  ping_rtt: ${rtt.toFixed(3)}\n  unit: ms\n`
    }
  }
  if (env.is_dialer === undefined) {
    throw new Error('neither IS_DIALER nor is_dialer is set')
  }
  return {
    dialer: env.is_dialer === 'true',
    stack: [env.transport, env.security, env.muxer],
    ip: env.ip ?? '0.0.0.0',
    redis: env.redis_addr ?? 'redis:6379',
    key: 'listenerAddr',
    timeout: seconds(env.test_timeout_seconds),
    report: (handshake, rtt) =>
      `{"handshakePlusOneRTTMillis": ${handshake.toFixed(3)}, "pingRTTMilllis": ${rtt.toFixed(3)}}\n`
  }
}

/* Send one command, return the bulk strings of its answer. */
function redisCall (addr, timeout, ...args) {
  const at = addr.lastIndexOf(':')
  const socket = createConnection({ host: addr.slice(0, at), port: Number(addr.slice(at + 1)) })
  const command = `*${args.length}\r\n` +
    args.map(a => `$${Buffer.byteLength(a)}\r\n${a}\r\n`).join('')
  return new Promise((resolve, reject) => {
    let text = ''
    socket.setTimeout(timeout * 1000, () => reject(new Error('redis does not answer')))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('redis closed')))
    socket.on('data', data => {
      text += data
      if (text.startsWith('-')) {
        reject(new Error(`redis: ${text.trim()}`))
      } else if (text.startsWith(':') && text.endsWith('\r\n')) {
        resolve([])
      } else if (text.startsWith('*')) {
        const lines = text.split('\r\n')
        const n = Number(lines[0].slice(1))
        if (lines.length > 2 * n + 1 || n <= 0) {
          resolve(lines.filter((_, i) => i > 0 && i % 2 === 0))
        }
      }
    })
    socket.write(command)
  }).finally(() => socket.destroy())
}

async function dial (c, node) {
  const [, text] = await redisCall(c.redis, c.timeout, 'BLPOP', c.key, String(c.timeout))
  if (text === undefined) {
    throw new Error(`no listener address in ${c.timeout} s`)
  }
  const start = performance.now()
  const signal = AbortSignal.timeout(c.timeout * 1000)
  const conn = await node.dial(multiaddr(text), { signal })
  /* The service counts whole milliseconds; take the time here. */
  const before = performance.now()
  await node.services.ping.ping(conn.remotePeer, { signal })
  const now = performance.now()
  process.stdout.write(c.report(now - start, now - before))
}

export async function official (newNode, options) {
  const c = readContract(process.env)
  if (c.stack.join('/') !== 'tcp/noise/yamux') {
    throw new Error(`no ${c.stack.join('/')} here, only tcp/noise/yamux`)
  }
  const node = await newNode({ ...options, listen: `/ip4/${c.ip}/tcp/0` })
  if (c.dialer) {
    await dial(c, node)
    await node.stop()
    return 0
  }
  const addr = node.getMultiaddrs().map(a => a.toString()).find(a => !a.startsWith('/ip4/127.'))
  if (addr === undefined) {
    throw new Error('no address but loopback')
  }
  await redisCall(c.redis, c.timeout, 'RPUSH', c.key, addr)
  await new Promise(resolve => setTimeout(resolve, c.timeout * 1000))
  throw new Error(`not killed within ${c.timeout} s`)
}
