import { createHash, randomBytes } from 'node:crypto'
import { chmod, lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FrameReader, ProtocolError } from '../../runtimes/frames'
import { Hello } from '../../runtimes/protocol'

/** The path of a unix socket is at most 104 bytes on macOS, 108 on Linux, with the byte that ends it. */
const MAX_PATH_BYTES = 103
const PREFIX = 'llmagentos-worker-'
const SOCKET = 'w'
const HELLO_MS = 30_000
const HELLO_LIMITS = { headerBytes: 1024, bodyBytes: 0 }
// More than workers ever start at the same time; strangers cannot pile up, and the newest drives out the oldest, so that a
// worker, which may open as many connections as it likes, keeps no other from starting.
const MAX_STRANGERS = 64

export interface Expected {
  token: string
  /** The connection of the worker that showed the token. Pending until then. */
  connected: Promise<Socket>
  /** The token is worth nothing any more. */
  forget(): void
}

const digestOf = (token: string) => createHash('sha256').update(token).digest('hex')

/**
 * Where workers connect to: a unix domain socket in a folder of our own (0700), or a named pipe on Windows. Each worker
 * shows a one-time token that it got through its environment; any other connection is closed.
 */
export class WorkerSocket {
  readonly path: string
  readonly #server: Server
  readonly #folder: string | null
  /** By digest, so that a look-up tells nothing of the token by the time it takes. */
  readonly #expected = new Map<string, (socket: Socket) => void>()
  readonly #strangers = new Set<Socket>()

  private constructor(server: Server, path: string, folder: string | null) {
    this.path = path
    this.#server = server
    this.#folder = folder
  }

  /** @param temporary a folder that other users may share */
  static async open(temporary = tmpdir()): Promise<WorkerSocket> {
    const { path, folder } = await choosePath(temporary)
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    })
    if (folder) await chmod(path, 0o600)
    const opened = new WorkerSocket(server, path, folder)
    server.on('connection', (socket) => opened.#greet(socket))
    return opened
  }

  expect(): Expected {
    const token = randomBytes(32).toString('hex')
    const digest = digestOf(token)
    const connected = new Promise<Socket>((resolve) => this.#expected.set(digest, resolve))
    return { token, connected, forget: () => void this.#expected.delete(digest) }
  }

  async close(): Promise<void> {
    this.#expected.clear()
    for (const socket of this.#strangers) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true })
  }

  #greet(socket: Socket): void {
    const [oldest] = this.#strangers
    if (oldest && this.#strangers.size >= MAX_STRANGERS) {
      this.#strangers.delete(oldest)
      oldest.destroy()
    }
    this.#strangers.add(socket)
    const reader = new FrameReader(HELLO_LIMITS)
    const close = () => socket.destroy()
    // When this process was busy all the while, a hello may lie there unread: it is read in the turn that follows.
    const expire = () => this.#strangers.has(socket) && close()
    const timer = setTimeout(() => setImmediate(expire), HELLO_MS)
    const listen = (chunk: Buffer) => {
      let accept: (socket: Socket) => void
      try {
        const found = this.#readHello(reader, chunk)
        if (!found) return
        accept = found
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        close()
        return
      }
      leave()
      accept(socket)
    }
    const leave = () => {
      clearTimeout(timer)
      this.#strangers.delete(socket)
      socket.off('data', listen).off('error', close).off('close', leave)
    }
    socket.on('data', listen).on('error', close).on('close', leave)
  }

  /** Null while the frame is not whole. @throws ProtocolError for anything but the hello of an expected worker */
  #readHello(reader: FrameReader, chunk: Buffer): ((socket: Socket) => void) | null {
    const frames = reader.push(chunk)
    const [first] = frames
    if (!first) return null
    const hello = Hello.safeParse(first.header)
    if (!hello.success || frames.length > 1) throw new ProtocolError('A stranger.')
    const digest = digestOf(hello.data.token)
    const accept = this.#expected.get(digest)
    if (!accept) throw new ProtocolError('An unknown token.')
    this.#expected.delete(digest)
    return accept
  }
}

async function choosePath(temporary: string): Promise<{ path: string; folder: string | null }> {
  if (process.platform === 'win32') {
    return { path: `\\\\.\\pipe\\llmagentos-${randomBytes(16).toString('hex')}`, folder: null }
  }
  // 27 bytes for `/llmagentos-worker-XXXXXX/w`.
  const base = Buffer.byteLength(temporary) + 27 > MAX_PATH_BYTES ? '/tmp' : temporary
  await removeLeftovers(base)
  const folder = await mkdtemp(join(base, PREFIX))
  return { path: join(folder, SOCKET), folder }
}

/**
 * A system that was killed could not remove its folder: one where nobody listens any more is removed now. It is a service:
 * what others may have put there, or may forbid, keeps nobody from starting.
 */
async function removeLeftovers(base: string): Promise<void> {
  const names = (await readdir(base).catch(() => [])).filter((name) => name.startsWith(PREFIX))
  await Promise.all(
    names.map(async (name) => {
      const folder = join(base, name)
      if ((await isOurs(folder)) && (await isDeserted(join(folder, SOCKET))))
        await rm(folder, { recursive: true, force: true }).catch(() => undefined)
    }),
  )
}

async function isOurs(folder: string): Promise<boolean> {
  const stats = await lstat(folder).catch(() => null)
  return stats?.isDirectory() === true && stats.uid === process.geteuid?.()
}

/** Only a refused connection says so; a folder that is just being made is left alone. */
function isDeserted(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })
}
