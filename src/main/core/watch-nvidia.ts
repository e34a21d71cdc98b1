import type { Clock } from '../platform/clock'
import type { Logger } from '../platform/logger'
import { createToolStream, type ToolStream } from '../platform/tool-stream'
import { type GpuRow, NVIDIA_SAMPLE, nvidiaLoadCalls, parseNvidiaLoad, parseNvidiaRow } from './detect/nvidia'

const STALE_MS = 5000

/** What `nvidia-smi` reports each second while there is a GPU to watch: of each GPU, and of each program on them. */
export function createNvidiaWatch(deps: { clock: Clock; logger: Logger }, command = 'nvidia-smi') {
  const { clock } = deps
  const rows = new Map<string, { at: number; row: GpuRow }>()
  /** By index of the GPU; the programs by their id. */
  const loads = new Map<number, { at: number; programs: Map<number, { at: number; load: number }> }>()

  const gpus = createToolStream(deps, command, [...NVIDIA_SAMPLE, '-l', '1'], (line) => {
    const row = parseNvidiaRow(line)
    if (row) rows.set(row.address, { at: clock.now(), row })
    return row !== null
  })
  /** By what is asked. */
  const programs = new Map<string, ToolStream>()

  function onProgram(line: string): boolean {
    const told = parseNvidiaLoad(line)
    if (!told) return false
    const at = clock.now()
    const of = loads.get(told.index) ?? { at, programs: new Map() }
    loads.set(told.index, of)
    of.at = at
    if (told.pid !== null) of.programs.set(told.pid, { at, load: told.load })
    return true
  }

  /** @param calls for the GPUs that there are now */
  function watchPrograms(calls: readonly string[][]): void {
    const wanted = new Map(calls.map((call) => [call.join(' '), call]))
    for (const [key, stream] of programs) {
      if (wanted.has(key)) continue
      stream.run(false)
      programs.delete(key)
    }
    for (const [key, call] of wanted) {
      const stream = programs.get(key) ?? createToolStream(deps, command, call, onProgram)
      programs.set(key, stream)
      stream.run(true)
    }
  }

  const rowOf = (address: string) => {
    const entry = rows.get(address)
    return entry && clock.now() - entry.at <= STALE_MS ? entry.row : null
  }
  const indices = () => [...rows.keys()].flatMap((address) => rowOf(address)?.index ?? [])

  return {
    /** Starts or stops; to be called as often as one likes. */
    watch(wanted: boolean): void {
      gpus.run(wanted)
      watchPrograms(wanted ? nvidiaLoadCalls(indices()) : [])
      if (wanted) return
      rows.clear()
      loads.clear()
    },
    /** The newest report of a GPU; null when there is none that is recent. */
    row: rowOf,
    /** How much of a GPU each program keeps busy, 0 to 1, by its id; null where that is not told. */
    loads(address: string): ReadonlyMap<number, number> | null {
      const row = rowOf(address)
      const of = row && loads.get(row.index)
      const oldest = clock.now() - STALE_MS
      if (!of || of.at < oldest) return null
      for (const [pid, { at }] of of.programs) if (at < oldest) of.programs.delete(pid)
      return new Map([...of.programs].map(([pid, { load }]) => [pid, load]))
    },
  }
}
