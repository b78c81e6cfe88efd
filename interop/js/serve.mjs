/* The three protocols of interop/README.md, and a reader that sees every end of a stream. */
import { createHash } from 'node:crypto'

export const ECHO = '/lp2p-interop/echo/1.0.0'
export const SOURCE = '/lp2p-interop/source/1.0.0'
export const SINK = '/lp2p-interop/sink/1.0.0'
export const CHUNK = 65536

/* `for await` over a stream misses an end that came before the loop began, and onDrain() works
 * once: both are listened to as events here, from the moment the stream is handed over. */
export class Pipe {
  constructor (stream) {
    this.stream = stream
    this.chunks = []
    this.ended = stream.remoteWriteStatus === 'closed'
    this.error = undefined
    this.waiting = []
    stream.addEventListener('message', evt => {
      this.chunks.push(evt.data.subarray())
      this.wake()
    })
    stream.addEventListener('remoteCloseWrite', () => {
      this.ended = true
      this.wake()
    })
    stream.addEventListener('close', evt => {
      this.error = evt.error
      this.ended = true
      this.wake()
    })
    stream.addEventListener('drain', () => this.wake())
  }

  wake () {
    for (const f of this.waiting.splice(0)) {
      f()
    }
  }

  changed () {
    return new Promise(resolve => this.waiting.push(resolve))
  }

  /* Return the next bytes, or undefined at the end. */
  async read () {
    for (;;) {
      if (this.chunks.length > 0) {
        return this.chunks.shift()
      }
      if (this.error !== undefined) {
        throw this.error
      }
      /* What is in the stream's own buffer comes as one more message after the end. */
      if (this.ended && this.stream.readBufferLength === 0) {
        return undefined
      }
      await this.changed()
    }
  }

  async readExactly (n) {
    const parts = []
    let have = 0
    while (have < n) {
      const chunk = await this.read()
      if (chunk === undefined) {
        throw new Error(`ended after ${have} of ${n} bytes`)
      }
      const take = Math.min(chunk.length, n - have)
      parts.push(chunk.subarray(0, take))
      if (take < chunk.length) {
        this.chunks.unshift(chunk.subarray(take))
      }
      have += take
    }
    return Buffer.concat(parts)
  }

  async readAll () {
    const parts = []
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) {
      parts.push(chunk)
    }
    return Buffer.concat(parts)
  }

  async write (bytes) {
    if (!this.stream.send(bytes)) {
      while (this.stream.writableNeedsDrain && this.error === undefined) {
        await this.changed()
      }
    }
    if (this.error !== undefined) {
      throw this.error
    }
  }

  async end () {
    await this.stream.close({ signal: AbortSignal.timeout(30_000) })
  }
}

const block = Buffer.alloc(CHUNK, Uint8Array.from({ length: 251 }, (_, i) => i))

/* Write n bytes of a fixed pattern, return their SHA-256. */
export async function writeHashed (pipe, n) {
  const sum = createHash('sha256')
  for (let left = n; left > 0;) {
    const part = block.subarray(0, Math.min(left, CHUNK))
    sum.update(part)
    await pipe.write(Buffer.from(part))
    left -= part.length
  }
  return sum.digest()
}

export function count (n) {
  const b = Buffer.alloc(8)
  b.writeBigUInt64BE(BigInt(n))
  return b
}

async function echo (pipe) {
  for (let chunk = await pipe.read(); chunk !== undefined; chunk = await pipe.read()) {
    await pipe.write(chunk)
  }
}

async function source (pipe) {
  const n = Number((await pipe.readExactly(8)).readBigUInt64BE())
  await pipe.write(await writeHashed(pipe, n))
  await pipe.end()
  /* Our half is closed first; the other's goes on until it closes. */
  await pipe.readAll()
}

async function sink (pipe) {
  const sum = createHash('sha256')
  let n = 0
  for (let chunk = await pipe.read(); chunk !== undefined; chunk = await pipe.read()) {
    sum.update(chunk)
    n += chunk.length
  }
  await pipe.write(Buffer.concat([count(n), sum.digest()]))
}

export async function serve (node, limits) {
  const handle = (id, f) => node.handle(id, async stream => {
    try {
      const pipe = new Pipe(stream)
      await f(pipe)
      await pipe.end()
    } catch (err) {
      stream.abort(err)
    }
  }, limits)
  await handle(ECHO, echo)
  await handle(SOURCE, source)
  await handle(SINK, sink)
}
