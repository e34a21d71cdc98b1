import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const fixtures = join(import.meta.dirname, '..', '..', 'fixtures')
const headless = join(import.meta.dirname, '..', '..', 'out', 'main', 'headless.cjs')

export interface Answer {
  status: number
  headers: Headers
  // The shape is what the test asserts.
  // biome-ignore lint/suspicious/noExplicitAny: answers of many routes
  body: any
}

/** The system in plain Node on a data folder of its own, called as an app would call it. */
export class Serve {
  readonly ownerKey = 'owner-key-of-the-tests-0123456789abcdef'
  #process: ChildProcess | null = null
  url = ''
  stderr = ''
  /** Questions that got no answer at first although the system lived, and why; see {@link Serve.call}. */
  readonly askedAgain: string[] = []

  private constructor(readonly dataDir: string) {}

  /** Calls the system on a data folder whose owner has the key; who started it says its `url`. */
  static on(dataDir: string): Serve {
    return new Serve(dataDir)
  }

  /** @param dataDir by default a new one */
  static async start(dataDir?: string): Promise<Serve> {
    const serve = new Serve(dataDir ?? (await mkdtemp(join(tmpdir(), 'llmagentos-'))))
    await serve.restart()
    // Other tests keep the machine busy: what runs side by side here must not depend on them.
    const { status } = await serve.call('PATCH', '/devices/cpu0', { yieldsToOthers: false })
    if (status !== 200) throw new Error(`the cores are not shared: ${status}`)
    return serve
  }

  /**
   * @param ownerKey what the environment says; null: nothing
   * @param uid whose process it is, where we may start one of others
   */
  async restart(ownerKey: string | null = this.ownerKey, uid?: number): Promise<void> {
    const line = await this.#spawn(['--json'], ownerKey, uid)
    this.url = (JSON.parse(line) as { url: string }).url
  }

  /** Starts it as a person in a terminal does. @returns what it says there */
  async restartInTerminal(): Promise<string> {
    const text = await this.#spawn([], null)
    this.url = /http:\S+/.exec(text)?.[0] ?? ''
    return text
  }

  async #spawn(args: string[], ownerKey: string | null, uid?: number): Promise<string> {
    const child = spawn(process.execPath, [headless, '--data-dir', this.dataDir, '--port', '0', ...args], {
      env: { ...process.env, ...(ownerKey === null ? {} : { LLMAGENTOS_OWNER_KEY: ownerKey }) },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    this.#process = child
    child.stderr.on('data', (text) => {
      this.stderr = (this.stderr + String(text)).slice(-20_000)
    })
    const [said] = (await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(([code]) =>
        Promise.reject(new Error(`serve ended with ${code}: ${this.stderr}`)),
      ),
    ])) as [Buffer]
    return String(said)
  }

  get hasEnded(): boolean {
    return this.#process === null || this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** `kill -9`: nothing of the program's own ending runs. */
  async kill(): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** @returns the exit code after SIGTERM */
  async stop(): Promise<number | null> {
    const child = this.#process
    if (!child || child.exitCode !== null) return child?.exitCode ?? null
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    return ((await ended) as [number | null])[0]
  }

  async dispose(): Promise<void> {
    await this.kill()
    await rm(this.dataDir, { recursive: true, force: true })
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    key: string | null = this.ownerKey,
  ): Promise<Answer> {
    const address = `${this.url}/api${path}`
    const headers: Record<string, string> = {}
    if (key !== null) headers['authorization'] = `Bearer ${key}`
    if (body !== undefined && !(body instanceof FormData)) headers['content-type'] = 'application/json'
    const init: RequestInit = { method, headers }
    if (body !== undefined) init.body = body instanceof FormData ? body : JSON.stringify(body)
    const ask = () => fetch(address, init)
    // A connection that lay idle may be closed in the very moment that it is used again; asking twice changes nothing.
    const response = await ask().catch(async (error: Error) => {
      if (method !== 'GET' || this.hasEnded) throw error
      const answer = await ask()
      this.askedAgain.push(`${path}: ${String(error.cause ?? error)}`)
      return answer
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') ?? false
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text ? JSON.parse(text) : text,
    }
  }

  /** Imports a file or folder of this machine and waits for the outcome. */
  async import(path: string, name?: string): Promise<Answer['body']> {
    const started = await this.call('POST', '/imports', { path, ...(name ? { name } : {}) })
    if (started.status !== 202) throw new Error(`import refused: ${JSON.stringify(started.body)}`)
    return this.until(`/imports/${started.body.id}`, (body) => body.state !== 'running')
  }

  /** Asks again until the answer fits. */
  async until(
    path: string,
    fits: (body: Answer['body']) => boolean,
    timeoutMs = 30_000,
  ): Promise<Answer['body']> {
    const end = Date.now() + timeoutMs
    for (;;) {
      const { body } = await this.call('GET', path)
      if (fits(body)) return body
      if (Date.now() > end) throw new Error(`still ${JSON.stringify(body).slice(0, 600)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** The ramp of fixtures/README.md. */
export function ramp(count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.fround(((i * 7919) % 1000) / 1000))
}

export const sileroInputs = () => ({
  input: { dtype: 'float32', shape: [1, 576], data: ramp(576) },
  state: { dtype: 'float32', shape: [2, 1, 128], data: new Array<number>(256).fill(0) },
  sr: { dtype: 'int64', shape: [], data: [16000] },
})
