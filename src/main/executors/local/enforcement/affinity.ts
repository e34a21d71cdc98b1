import { existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Enforcement } from '../../../../shared/contract'
import { askWorker } from '../../../platform/processes'
import type { Cpu } from './core-sets'

import { processesOf } from './processes'
import { readCpus } from './topology'

const TASKSET_MS = 2000

/** Binds all threads of a process to CPUs, by the `taskset` of util-linux: Node has no call for it. */
export class Affinity {
  readonly means: Enforcement
  /** None where it is not in force. */
  readonly cpus: readonly Cpu[]
  readonly #file: string

  private constructor(file: string, cpus: readonly Cpu[], reason: string | null) {
    this.#file = file
    this.cpus = reason === null ? cpus : []
    this.means = { name: 'affinity', inForce: reason === null, reason }
  }

  static async find(): Promise<Affinity> {
    if (process.platform !== 'linux') return new Affinity('', [], 'Cores are bound on Linux only.')
    const file = (process.env['PATH'] ?? '')
      .split(delimiter)
      .filter(isAbsolute)
      .map((folder) => join(folder, 'taskset'))
      .find((path) => existsSync(path))
    if (!file) return new Affinity('', [], 'taskset is not installed; the package util-linux has it.')
    const cpus = await readCpus()
    // Tried on ourselves, with what is in force already.
    const works =
      cpus.length > 0 &&
      (await taskset(
        file,
        cpus.map(({ id }) => id),
        process.pid,
      ))
    return new Affinity(file, cpus, works ? null : 'taskset does not work here.')
  }

  async bind(pid: number, ids: readonly number[]): Promise<void> {
    await Promise.all((await processesOf(pid)).map((id) => taskset(this.#file, ids, id)))
  }
}

async function taskset(file: string, ids: readonly number[], pid: number): Promise<boolean> {
  const program = { file, args: ['-a', '-c', '-p', ids.join(',')], env: {} }
  const { code } = await askWorker({ entry: String(pid), program }, TASKSET_MS)
  return code === 0
}
