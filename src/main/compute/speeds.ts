import type { Device } from '../../shared/contract'
import { DTYPE_BYTES } from '../../shared/domain/tensor'
import type { ResolvedVersion } from '../storage'
import type { ActiveJob } from './jobs/active-job'
import type { Estimates } from './jobs/estimates'

/** Devices whose times differ by less are as good as equal: then the one that fits best is taken. */
const FASTER = 0.8

/** What kind of device does the work of a job. */
export function kindOf({ definition: { need } }: ActiveJob): Device['kind'] {
  return need.gpu || need.gpuMemoryBytes ? 'gpu' : need.npu ? 'npu' : need.fpga ? 'fpga' : 'cpu'
}

/** A device that does the work of a job sooner than the others of its kind. */
export interface Faster {
  device: string
  /** By how much sooner than the next, ms. */
  gainMs: number
}

/** The accelerator on which its like has run fastest; null where none is known to be faster than the others. */
export function fastestFor(
  job: ActiveJob,
  devices: () => readonly Device[],
  estimates: Estimates,
): Faster | null {
  const kind = kindOf(job)
  if (kind === 'cpu') return null
  const times = devices()
    .filter((device) => device.kind === kind && estimates.knows(job.definition, device.id))
    .map(({ id }) => ({ id, ms: estimates.runMsOn(job.definition, id) ?? 0 }))
    .sort((a, b) => a.ms - b.ms)
  const [best, next] = times
  if (!best || !next || best.ms > FASTER * (times.at(-1)?.ms ?? 0)) return null
  return { device: best.id, gainMs: next.ms - best.ms }
}

/** Bytes that one run of a model gives, by its signature; a size that is open counts as 1. */
export function outputBytes(version: ResolvedVersion | null): number {
  const tensors = version?.signature?.outputs ?? []
  return tensors.reduce((sum, { dtype, shape }) => {
    const each = dtype === 'string' ? 16 : DTYPE_BYTES[dtype]
    return (
      sum +
      shape.reduce<number>(
        (product, size) => product * (typeof size === 'number' && size > 0 ? size : 1),
        each,
      )
    )
  }, 0)
}
