import { extname, join } from 'node:path'
import type { EngineView, ModelFormat, RuntimeView } from '../../../shared/contract'
import { AppError } from '../../../shared/errors'
import { askWorker, type Program } from '../../platform/processes'
import type { RuntimeAdapter, RuntimeProbe } from '../../runtimes/adapter'
import { Probe, WORKER_ENV } from '../../runtimes/protocol'

// Loading a native library from a cold disk takes its time; one that takes longer does not work.
const PROBE_MS = 30_000

/** The runtimes and what they said when they were asked whether they work here. */
export class Runtimes {
  readonly #adapters: readonly RuntimeAdapter[]
  readonly #workersDir: string
  readonly #probes = new Map<string, RuntimeProbe>()

  constructor(adapters: readonly RuntimeAdapter[], workersDir: string) {
    this.#adapters = adapters
    this.#workersDir = workersDir
  }

  async probe(): Promise<void> {
    await Promise.all(
      this.#adapters.map(async (adapter) => {
        this.#probes.set(
          adapter.id,
          await adapter.probe((options, program) => this.#ask(adapter, options, program ?? null)),
        )
      }),
    )
  }

  /** How a worker for these files is started, and what it is told. */
  launch(
    adapter: RuntimeAdapter,
    socketPath: string,
    files: readonly string[],
  ): { entry: string; program: Program | null; options: string } {
    const entry = this.#entry(adapter)
    const probe = this.#probes.get(adapter.id)
    const program = probe?.program?.({ entry, socketPath, files }) ?? null
    return { entry, program, options: probe?.options ?? '' }
  }

  views(engines: readonly EngineView[]): RuntimeView[] {
    return this.#adapters.map((adapter) => {
      const probe = this.#probes.get(adapter.id)
      return {
        id: adapter.id,
        name: adapter.name,
        version: probe?.version ?? '',
        available: probe?.available ?? false,
        backend: probe?.backend ?? '',
        isolation: probe?.isolation ?? 'process',
        formats: [...adapter.formats],
        reason: probe ? probe.reason : 'It has not been tried yet.',
        engines: engines.filter((engine) => engine.runtime === adapter.id),
      }
    })
  }

  byId(id: string): RuntimeAdapter {
    const adapter = this.#adapters.find((known) => known.id === id)
    if (!adapter) throw new AppError('compute.no_runtime', `There is no runtime "${id}".`)
    return adapter
  }

  /** @throws AppError `compute.no_runtime` saying why and what would help */
  forFormat(format: ModelFormat): RuntimeAdapter {
    const adapter = this.#adapters.find((known) => known.formats.includes(format))
    if (!adapter) {
      const known = this.#adapters.flatMap((runtime) => runtime.formats).join(', ')
      throw new AppError(
        'compute.no_runtime',
        `No runtime here runs ${format}. Convert the model to one of: ${known}.`,
      )
    }
    this.assertWorks(adapter)
    return adapter
  }

  /** @throws AppError `compute.no_runtime` */
  assertWorks(adapter: RuntimeAdapter): void {
    const probe = this.#probes.get(adapter.id)
    if (probe?.available) return
    const why = probe?.reason ?? 'it has not been tried yet'
    throw new AppError(
      'compute.no_runtime',
      `${adapter.name} does not run here: ${why} Reinstalling LLMAgentOS may help.`,
      {
        runtime: adapter.id,
      },
    )
  }

  /** Outside the app's archive where that is not a script of Node's: nothing else can look into it. */
  #entry({ entry }: RuntimeAdapter): string {
    const path = join(this.#workersDir, entry)
    return extname(entry) === '.cjs' ? path : path.replace(/([\\/]app\.asar)(?=[\\/])/, '$1.unpacked')
  }

  async #ask(adapter: RuntimeAdapter, options: string, programFor: RuntimeProbe['program']): Promise<Probe> {
    const entry = this.#entry(adapter)
    const program = programFor?.({ entry, socketPath: null, files: [] }) ?? null
    const parent = String(process.pid)
    const env = { [WORKER_ENV.probe]: '1', [WORKER_ENV.parent]: parent, [WORKER_ENV.options]: options }
    const answer = await askWorker({ entry, program, env }, PROBE_MS)
    const lines = answer.stdout.trim().split('\n')
    const said = Probe.safeParse(parseJson(lines[lines.length - 1] ?? ''))
    if (said.success) return said.data
    const words =
      reasonOf(answer.stderr) ?? answer.error?.message ?? `exit code ${answer.code ?? answer.signal}`
    const reason = answer.timedOut
      ? `It did not start within ${PROBE_MS / 1000} s.`
      : `Its worker does not start: ${words}.`
    return { available: false, version: '', backend: '', reason }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whatever it printed, it is no answer; stderr says why.
    return null
  }
}

/** The line of a stack trace that says something. */
function reasonOf(stderr: string): string | null {
  const line = stderr.split('\n').find((text) => /error/i.test(text)) ?? stderr.split('\n')[0]
  return line ? line.trim().slice(0, 500).replace(/\.$/, '') : null
}
