import { extname, isAbsolute, join } from 'node:path'
import type { EngineView, ModelFormat, RuntimeView } from '../../../shared/contract'
import { AppError } from '../../../shared/errors'
import { Emitter, type Event } from '../../platform/events'
import { askWorker, type Program } from '../../platform/processes'
import type { Binding, LeasedDevice, RuntimeAdapter, RuntimeProbe } from '../../runtimes/adapter'
import { CONVERSIONS } from '../../runtimes/conversions'
import { deviceVariables } from '../../runtimes/environment'
import { Probe, WORKER_ENV } from '../../runtimes/protocol'

// Loading a native library from a cold disk takes its time; one that takes longer does not work.
const PROBE_MS = 30_000
const UNTRIED = { available: false, backend: '', reason: 'It has not been tried yet.' }

/** How a worker is started, and what it is told. */
export interface Launch extends Binding {
  entry: string
  env: Readonly<Record<string, string>>
  program: Program | null
  /** It is a process of this machine like ours, and can see whether ours still lives. */
  seesParent: boolean
}

/** The runtimes and what they said when they were asked whether they work here. */
export class Runtimes {
  readonly #builtIn: readonly RuntimeAdapter[]
  readonly #plugins: () => readonly RuntimeAdapter[]
  readonly #workersDir: string
  readonly #probes = new Map<RuntimeAdapter, RuntimeProbe>()
  /** Those that have not answered yet. */
  readonly #trying = new Map<RuntimeAdapter, Promise<void>>()
  /** Those of them that are asked once more before it is known whether they work. */
  readonly #again = new Set<RuntimeAdapter>()
  readonly #disposed = new AbortController()
  readonly #tried: Emitter<RuntimeAdapter>

  /** One has answered whether it works here. */
  readonly onDidTry: Event<RuntimeAdapter>

  /** @param plugins those of third parties that are allowed now */
  constructor(
    builtIn: readonly RuntimeAdapter[],
    plugins: () => readonly RuntimeAdapter[],
    workersDir: string,
    onListenerError: (error: unknown) => void,
  ) {
    this.#tried = new Emitter(onListenerError)
    this.onDidTry = this.#tried.event
    this.#builtIn = builtIn
    this.#plugins = plugins
    this.#workersDir = workersDir
  }

  get #adapters(): readonly RuntimeAdapter[] {
    return [...this.#builtIn, ...this.#plugins()]
  }

  /** Tries all of them, also those that are being tried, and waits until each has answered. */
  async probe(): Promise<void> {
    for (const adapter of this.#trying.keys()) this.#again.add(adapter)
    await Promise.all(this.#adapters.map((adapter) => this.#try(adapter)))
  }

  /** Tries those that are new, and forgets those that are no more. */
  async refresh(): Promise<void> {
    const present = new Set(this.#adapters)
    for (const adapter of this.#probes.keys()) if (!present.has(adapter)) this.#probes.delete(adapter)
    const untried = [...present].filter((adapter) => !this.#probes.has(adapter))
    await Promise.all(untried.map((adapter) => this.#try(adapter)))
  }

  /** Formats of which it is not known yet whether they run here, and the name of the runtime that will say so. */
  untried(): ReadonlyMap<ModelFormat, string> {
    const formats = [...this.#trying.keys()].flatMap((adapter) => this.#formatsOf(adapter))
    return new Map(
      formats.flatMap((format) => {
        const adapter = this.choiceFor(format)
        return adapter && this.isBeingTried(adapter) ? [[format, adapter.name]] : []
      }),
    )
  }

  /** Whether it is not known yet if it works. */
  isBeingTried(adapter: RuntimeAdapter): boolean {
    return this.#trying.has(adapter)
  }

  /** Resolves when it is known whether it works. @throws the signal's reason */
  async tried(adapter: RuntimeAdapter, signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#trying.get(adapter), signal)
  }

  /** @throws AppError `compute.no_runtime` when it must not be started any more; the signal's reason */
  async assertUnchanged(adapter: RuntimeAdapter, signal: AbortSignal): Promise<void> {
    await unlessAborted(adapter.assertUnchanged?.(), signal)
  }

  /** Ends what is still being tried. */
  async dispose(): Promise<void> {
    this.#disposed.abort()
    await Promise.all(this.#trying.values())
  }

  /** One that is being tried is not tried a second time beside it. */
  #try(adapter: RuntimeAdapter): Promise<void> {
    const trying =
      this.#trying.get(adapter) ??
      this.#probe(adapter).finally(() => {
        this.#trying.delete(adapter)
        this.#tried.fire(adapter)
      })
    this.#trying.set(adapter, trying)
    return trying
  }

  async #probe(adapter: RuntimeAdapter): Promise<void> {
    let probe: RuntimeProbe
    do {
      this.#again.delete(adapter)
      probe = await adapter
        .probe((options, program) => this.#ask(adapter, options, program ?? null))
        .catch((error: unknown) => failedProbe(error))
    } while (this.#again.has(adapter) && !this.#disposed.signal.aborted)
    if (this.#adapters.includes(adapter)) this.#probes.set(adapter, probe)
  }

  /** Whether it is still one of them. */
  has(adapter: RuntimeAdapter): boolean {
    return this.#adapters.includes(adapter)
  }

  /** How a worker for these files is started. */
  launch(
    adapter: RuntimeAdapter,
    socketPath: string,
    files: readonly string[],
    device: LeasedDevice | null,
  ): Launch {
    const entry = this.#entry(adapter)
    const probe = this.#probes.get(adapter)
    const binding = probe?.bind?.(device) ?? {
      backend: probe?.backend ?? '',
      usesDevice: false,
      options: probe?.options ?? '',
    }
    const { options } = binding
    const program = probe?.program?.({ entry, socketPath, files, options }) ?? null
    const env = deviceVariables(binding.usesDevice ? device : null)
    return { ...binding, entry, env, program, seesParent: probe?.isolation === 'process' }
  }

  views(engines: readonly EngineView[]): RuntimeView[] {
    return this.#adapters.map((adapter) => {
      const probe = this.#probes.get(adapter)
      const { available, backend, reason } = probe ?? UNTRIED
      return {
        id: adapter.id,
        name: adapter.name,
        version: probe?.version ?? '',
        available,
        beingTried: this.isBeingTried(adapter),
        backend,
        backends: [...(probe?.backends ?? (available ? [{ name: backend, available, reason: null }] : []))],
        isolation: probe?.isolation ?? 'process',
        plugin: adapter.plugin ?? null,
        formats: [...this.#formatsOf(adapter)],
        reason,
        engines: engines.filter((engine) => engine.runtime === adapter.id),
      }
    })
  }

  #formatsOf(adapter: RuntimeAdapter): readonly ModelFormat[] {
    const probe = this.#probes.get(adapter)
    return probe
      ? (probe.formats ?? adapter.formats)
      : [...adapter.formats, ...(adapter.formatsPerhaps ?? [])]
  }

  byId(id: string): RuntimeAdapter {
    const adapter = this.#adapters.find((known) => known.id === id)
    if (!adapter) throw new AppError('compute.no_runtime', `There is no runtime "${id}".`)
    return adapter
  }

  /** One that works, before one that is being tried, before one that would. */
  choiceFor(format: ModelFormat): RuntimeAdapter | undefined {
    const candidates = this.#adapters.filter((known) => this.#formatsOf(known).includes(format))
    return (
      candidates.find((known) => this.#probes.get(known)?.available) ??
      candidates.find((known) => this.#trying.has(known)) ??
      candidates[0]
    )
  }

  /** @throws AppError `compute.no_runtime` saying why and what would help, where it is known that none works */
  forFormat(format: ModelFormat): RuntimeAdapter {
    const adapter = this.choiceFor(format)
    if (!adapter) {
      const help = CONVERSIONS[format] ?? 'Convert the model to ONNX.'
      throw new AppError('compute.no_runtime', `No runtime here runs ${format}. ${help}`, { format })
    }
    if (!this.#trying.has(adapter)) this.assertWorks(adapter)
    return adapter
  }

  /** @throws AppError `compute.no_runtime` */
  assertWorks(adapter: RuntimeAdapter): void {
    const { available, reason } = this.#probes.get(adapter) ?? UNTRIED
    if (available) return
    throw new AppError('compute.no_runtime', `${adapter.name} does not run here: ${reason}`, {
      runtime: adapter.id,
    })
  }

  /** Outside the app's archive where that is not a script of Node's: nothing else can look into it. */
  #entry({ entry }: RuntimeAdapter): string {
    if (isAbsolute(entry)) return entry
    const path = join(this.#workersDir, entry)
    return extname(entry) === '.cjs' ? path : path.replace(/([\\/]app\.asar)(?=[\\/])/, '$1.unpacked')
  }

  async #ask(adapter: RuntimeAdapter, options: string, programFor: RuntimeProbe['program']): Promise<Probe> {
    // Also asking runs its program.
    await adapter.assertUnchanged?.()
    const entry = this.#entry(adapter)
    const program = programFor?.({ entry, socketPath: null, files: [], options }) ?? null
    const parent: Record<string, string> = program?.hidesProcesses
      ? {}
      : { [WORKER_ENV.parent]: String(process.pid) }
    const env = { [WORKER_ENV.probe]: '1', [WORKER_ENV.options]: options, ...parent }
    const answer = await askWorker({ entry, program, env }, PROBE_MS, this.#disposed.signal)
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

/** It could not even be asked. */
function failedProbe(error: unknown): RuntimeProbe {
  const words = error instanceof Error ? error.message : String(error)
  const reason = `It could not be tried: ${words.replace(/\.$/, '')}.`
  return {
    ...{ available: false, version: '', backend: '', reason },
    ...{ options: '', program: null, isolation: 'process' },
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

/** Waits for it no longer than until the signal. @throws the signal's reason */
async function unlessAborted(work: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  if (!work) return
  let onAbort: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
  })
  await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort))
}
