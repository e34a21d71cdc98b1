import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')
export const fixtures = join(root, 'fixtures')

/** The machine in one line: figures without it mean nothing. */
export function machine() {
  const model = cpus()[0]?.model ?? 'unknown CPU'
  return `${cpus().length} x ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform} ${release()}, Node ${process.versions.node}`
}

/** @param {number[]} values @param {number} q 0 to 1; nearest rank */
export function percentile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}

/** Resident memory of a process in bytes, now and at its highest; Linux only. */
export function memoryOf(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const read = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN) * 1024
    return { now: read('VmRSS'), peak: read('VmHWM') }
  } catch {
    return { now: Number.NaN, peak: Number.NaN }
  }
}

export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'llmagentos-bench-'))
  return { path, dispose: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) }
}

/** The built system on a data folder of its own, with a client that keeps its connections. */
export async function serve() {
  const folder = await temporaryFolder()
  const key = 'owner-key-of-the-benchmark-0123456789'
  const child = spawn(
    process.execPath,
    [join(root, 'out/main/headless.cjs'), '--data-dir', folder.path, '--port', '0', '--json'],
    {
      env: { ...process.env, LLMAGENTOS_OWNER_KEY: key, LLMAGENTOS_LOG: 'error' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const [line] = await once(child.stdout, 'data')
  const { url } = JSON.parse(String(line))
  const agent = new Agent({ keepAlive: true, maxSockets: 128 })

  /** @returns {Promise<any>} the parsed body; throws for any status from 400 */
  function call(method, path, body) {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${key}` }
      const text = body === undefined ? undefined : JSON.stringify(body)
      if (text !== undefined)
        Object.assign(headers, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        })
      const outgoing = request(`${url}/api${path}`, { method, headers, agent }, (response) => {
        const parts = []
        response.on('data', (part) => parts.push(part))
        response.on('end', () => {
          const answer = Buffer.concat(parts).toString()
          if (response.statusCode >= 400)
            reject(new Error(`${method} ${path}: ${response.statusCode} ${answer}`))
          else resolve(answer ? JSON.parse(answer) : undefined)
        })
      })
      outgoing.on('error', reject)
      outgoing.end(text)
    })
  }

  async function importModel(path, name) {
    const { id } = await call('POST', '/imports', { path, ...(name ? { name } : {}) })
    for (;;) {
      const state = await call('GET', `/imports/${id}`)
      if (state.state === 'completed') return state
      if (state.state !== 'running')
        throw new Error(
          `import ${state.state}: ${JSON.stringify(state.findings)} ${JSON.stringify(state.error)}`,
        )
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  // Trying the runtimes at the start keeps both cores of a small machine busy for seconds.
  while ((await call('GET', '/runtimes')).items.some(({ beingTried }) => beingTried))
    await new Promise((resolve) => setTimeout(resolve, 50))

  /** Its data stay where they are. */
  async function end() {
    agent.destroy()
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }

  return {
    call,
    importModel,
    dataDir: folder.path,
    pid: child.pid,
    end,
    async stop() {
      await end()
      await folder.dispose()
    },
  }
}
