/* Check the other peer: open streams to it and compare what comes back. */
import { createHash, randomBytes } from 'node:crypto'
import { multiaddr } from '@multiformats/multiaddr'
import { say } from './say.mjs'
import { CHUNK, ECHO, Pipe, SINK, SOURCE, count, writeHashed } from './serve.mjs'

class Driver {
  constructor (conn, o) {
    this.conn = conn
    this.seqCount = Number(o.seq)
    this.parCount = Number(o.par)
    this.bytes = Number(o.bytes)
    this.signal = AbortSignal.timeout(60_000)
  }

  async open (protocol) {
    const stream = await this.conn.newStream(protocol, { signal: this.signal, maxOutboundStreams: 4096 })
    const pipe = new Pipe(stream)
    this.signal.addEventListener('abort', () => stream.abort(this.signal.reason))
    return pipe
  }

  /* Write n random bytes, close our half, want exactly those bytes and an end back. */
  async exchange (pipe, n) {
    const want = randomBytes(n)
    const back = pipe.readAll()
    back.catch(() => {})
    for (let at = 0; at < n; at += CHUNK) {
      await pipe.write(Buffer.from(want.subarray(at, at + CHUNK)))
    }
    await pipe.end()
    const got = await back
    if (!got.equals(want)) {
      throw new Error(`echo of ${n} bytes came back as other ${got.length}`)
    }
  }

  async echo (n) {
    await this.exchange(await this.open(ECHO), n)
  }

  async seq () {
    for (let i = 0; i < this.seqCount; i++) {
      await this.echo(64)
    }
    return { n: this.seqCount }
  }

  /* Open all streams, and only when all are open (or refused) use them. */
  async atOnce () {
    const all = Array.from({ length: this.parCount })
    const opened = await Promise.allSettled(all.map(async () => {
      const pipe = await this.open(ECHO)
      await pipe.write(Buffer.from('first'))
      await pipe.readExactly(5)
      return pipe
    }))
    return Promise.allSettled(opened.map(r =>
      r.status === 'fulfilled' ? this.exchange(r.value, 1024) : Promise.reject(r.reason)))
  }

  async par () {
    for (const r of await this.atOnce()) {
      if (r.status === 'rejected') {
        throw r.reason
      }
    }
    return { n: this.parCount }
  }

  /* Against a peer with its default limits: refused in time is right, hanging is not. */
  async limits () {
    const ends = await this.atOnce()
    const served = ends.filter(r => r.status === 'fulfilled').length
    const hung = ends.find(r => r.status === 'rejected' && r.reason?.name === 'TimeoutError')
    if (hung !== undefined || this.signal.aborted) {
      throw new Error('a stream hung')
    }
    if (served === 0) {
      throw new Error(`all ${ends.length} streams refused: ${ends[0].reason}`)
    }
    await this.echo(1024)
    return { n: this.parCount, served, refused: ends.length - served }
  }

  async sha_up () {
    const pipe = await this.open(SINK)
    const sum = await writeHashed(pipe, this.bytes)
    await pipe.end()
    const answer = await pipe.readAll()
    const want = Buffer.concat([count(this.bytes), sum])
    if (!answer.equals(want)) {
      throw new Error(`sink answered ${answer.toString('hex')}, not ${want.toString('hex')}`)
    }
    return { bytes: this.bytes }
  }

  async sha_down () {
    const pipe = await this.open(SOURCE)
    await pipe.write(count(this.bytes))
    await pipe.end()
    const sum = createHash('sha256')
    for (let left = this.bytes; left > 0;) {
      const part = await pipe.readExactly(Math.min(left, CHUNK))
      sum.update(part)
      left -= part.length
    }
    const answer = await pipe.readAll()
    const want = sum.digest()
    if (!answer.equals(want)) {
      throw new Error(`source's sum is ${answer.toString('hex')}, the bytes have ${want.toString('hex')}`)
    }
    return { bytes: this.bytes }
  }

  /* First we end our half and everything still comes back; then the listener ends its half
   * first and ours must stay usable. */
  async half_close () {
    await this.echo(1 << 20)
    const pipe = await this.open(SOURCE)
    await pipe.write(count(CHUNK))
    const got = await pipe.readAll()
    if (got.length !== CHUNK + 32) {
      throw new Error(`theirs first: ${got.length} bytes`)
    }
    for (let i = 0; i < 4; i++) {
      await pipe.write(Buffer.alloc(CHUNK))
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    await pipe.end()
    await this.echo(64)
    return {}
  }
}

const CHECKS = ['seq', 'par', 'sha_up', 'sha_down', 'half_close', 'limits']

export async function drive (newNode, options) {
  const node = await newNode(options)
  const conn = await node.dial(multiaddr(options.to), { signal: AbortSignal.timeout(20_000) })
  let failed = 0
  for (const check of options.checks.split(',')) {
    if (!CHECKS.includes(check)) {
      throw new Error(`no check "${check}"`)
    }
    const start = performance.now()
    let r
    try {
      r = { check, ok: true, ...await new Driver(conn, options)[check]() }
    } catch (err) {
      failed++
      r = { check, ok: false, text: String(err.message ?? err) }
    }
    say({ ...r, seconds: (performance.now() - start) / 1000 })
  }
  await node.stop()
  return failed > 0 ? 1 : 0
}
