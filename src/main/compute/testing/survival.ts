import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { PrincipalId } from '../../../shared/domain/ids'
import { isTerminal } from '../../../shared/domain/job-state'
import type { Core } from '../../core'
import { buildWorkers } from '../../runtimes/testing/build-workers'
import { processGone } from '../../runtimes/testing/fixtures'
import type { Compute } from '..'
import type { Answer, Call } from './child'
import { openRealSystem, REAL_WORKERS } from './real-system'

export const BY = 'p-test' as PrincipalId
export type System = Awaited<ReturnType<typeof openRealSystem>>

type Remote<Module> = {
  [Name in keyof Module]: Module[Name] extends (...args: infer Args) => infer Value
    ? (...args: Args) => Promise<Awaited<Value>>
    : never
}

/** The system in a process of its own. A call that it has not answered when it ends rejects. */
export interface Program {
  compute: Remote<Compute>
  core: Remote<Core>
  /** `kill -9`. Resolves when none of its workers is left. */
  kill(): Promise<void>
}

/** A data folder that outlives the systems on it. */
export interface Survival {
  readonly dataDir: string
  /** The system in this process. */
  open(): Promise<System>
  start(): Program
  /** What was in the data folder is gone. */
  clear(): Promise<void>
  dispose(): Promise<void>
}

/** @param runtime beside the synthetic one; every start would try the others too, which takes longer than all else */
export async function createSurvival(runtime: 'onnx' | 'llama' | null): Promise<Survival> {
  const workers = await buildWorkers({ ...REAL_WORKERS, child: 'src/main/compute/testing/child.ts' })
  for (const other of ['onnx', 'tfjs', 'llama'])
    if (other !== runtime) await rm(join(workers.dir, `${other}.cjs`))
  const folder = await mkdtemp(join(tmpdir(), 'compute-survival-'))
  const dataDir = join(folder, 'data')
  return {
    dataDir,
    open: () => openRealSystem(dataDir, workers.dir),
    start: () => startProgram(join(workers.dir, 'child.cjs'), [dataDir, workers.dir]),
    clear: () => rm(dataDir, { recursive: true, force: true }),
    async dispose() {
      await rm(folder, { recursive: true, force: true })
      await workers.dispose()
    },
  }
}

function startProgram(entry: string, args: string[]): Program {
  const child = spawn(process.execPath, [entry, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let calls = 0
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => {
      for (const { reject } of open.values()) reject(new Error('The program has ended.'))
      resolve()
    })
  })
  child.stdin.on('error', () => undefined)
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer: Answer = JSON.parse(line)
    const call = open.get(answer.number)
    open.delete(answer.number)
    if ('error' in answer) call?.reject(new Error(answer.error))
    else call?.resolve(answer.value)
  })
  const remote = <Module>(module: Call['module']) =>
    new Proxy({} as Remote<Module> & object, {
      get:
        (_, method: string) =>
        (...args: unknown[]) =>
          new Promise((resolve, reject) => {
            const call: Call = { number: calls++, module, method, args }
            open.set(call.number, { resolve, reject })
            child.stdin.write(`${JSON.stringify(call)}\n`)
          }),
    })
  const compute = remote<Compute>('compute')
  return {
    compute,
    core: remote<Core>('core'),
    async kill() {
      const engines = await compute.engines()
      child.kill('SIGKILL')
      await gone
      await allGone(engines)
    },
  }
}

async function allGone(engines: readonly { pid: number | null }[]): Promise<void> {
  for (const { pid } of engines) if (pid !== null) await processGone(pid)
}

/** Looks again and again, until it holds. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

export function ended({ compute }: System, ids: readonly string[]): Promise<void> {
  return new Promise((done) => {
    const check = () => {
      if (!ids.every((id) => isTerminal(compute.get(id).state))) return
      off()
      done()
    }
    const off = compute.onDidChangeJobs(check)
    check()
  })
}

/** How often each job is said to have ended, from now on. */
export function countEnds({ compute }: System): Map<string, number> {
  const ends = new Map<string, number>()
  compute.onDidChangeJobs(({ changed }) => {
    for (const { id, state } of changed) if (isTerminal(state)) ends.set(id, (ends.get(id) ?? 0) + 1)
  })
  return ends
}

/** Closes it. Resolves when none of its workers is left. @returns the leases that jobs held until then */
export async function close(system: System) {
  const held = system.core.listLeases().filter(({ job }) => job !== null)
  const engines = system.compute.engines()
  await system.close()
  await allGone(engines)
  return held
}
