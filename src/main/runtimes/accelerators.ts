import type { RuntimeBackend } from '../../shared/contract'
import type { Binding, LeasedDevice, RuntimeProbe } from './adapter'
import type { Probe } from './protocol'

/** A way in which the library of a runtime computes on a device beside the CPU. */
export interface Accelerator {
  /** By which the library knows it. */
  readonly name: string
  readonly title: string
  /** Where the library offers it. */
  readonly offered: string
  /** What helps where it is offered and does not work. */
  readonly help: string
  /** Whether a worker can be bound to this device, and to no other. */
  fits(device: LeasedDevice): boolean
}

/** Whether CUDA can be bound to it: by its UUID, in `CUDA_VISIBLE_DEVICES`. */
export function isCudaDevice({ kind, vendor, uuid }: LeasedDevice): boolean {
  return kind === 'gpu' && /nvidia/i.test(vendor) && uuid !== null
}

/** A library that takes what it finds takes the leased GPU for sure only where there is no other. */
export function isOnlyGpu({ kind, isOnly }: LeasedDevice): boolean {
  return kind === 'gpu' && isOnly
}

export function isApple({ vendor }: LeasedDevice): boolean {
  return /apple/i.test(vendor)
}

/**
 * What of them works here. Each is tried in a process of its own: a driver that is broken takes the process along.
 * @param accelerators the better before the worse
 * @param offers names of those that the library offers here
 */
export async function tryAccelerators(
  library: string,
  accelerators: readonly Accelerator[],
  offers: readonly string[],
  ask: (name: string) => Promise<Probe>,
): Promise<Required<Pick<RuntimeProbe, 'backend' | 'backends' | 'bind'>>> {
  const offered = accelerators.filter(({ name }) => offers.includes(name))
  const trials = await Promise.all(offered.map(async ({ name }) => [name, await ask(name)] as const))
  const works = accelerators.filter(({ name }) => new Map(trials).get(name)?.available)
  return {
    backend: ['cpu', ...works.map(({ name }) => name)].join(', '),
    backends: backendsOf(library, accelerators, new Map(trials)),
    bind: (device) => bindingFor(works, device),
  }
}

/** How a worker is told what to compute on. @param works of the accelerators, the better before the worse */
export function bindingFor(works: readonly Accelerator[], device: LeasedDevice | null): Binding {
  const backend = (device && works.find((accelerator) => accelerator.fits(device))?.name) ?? 'cpu'
  return { backend, usesDevice: backend !== 'cpu', options: backend }
}

/** What works here, and why the others do not. @param tried by name: what a trial of each that is offered said */
export function backendsOf(
  library: string,
  accelerators: readonly Accelerator[],
  tried: ReadonlyMap<string, Probe>,
): RuntimeBackend[] {
  const others = accelerators.map(({ name, title, offered, help }) => {
    const trial = tried.get(name)
    if (trial?.available) return { name, available: true, reason: null }
    const reason = trial
      ? `${help} It says: ${lastSentence(trial.reason ?? '')}`
      : `${library} offers ${title} ${offered} only.`
    return { name, available: false, reason }
  })
  return [{ name: 'cpu', available: true, reason: null }, ...others]
}

/** What comes after the names of source files and functions. */
function lastSentence(words: string): string {
  const last =
    words
      .trim()
      .split(/ was false\. |: (?=[A-Z])/)
      .at(-1) ?? ''
  return `${last
    .replace(/\s+/g, ' ')
    .slice(0, 200)
    .replace(/[.\s]+$/, '')}.`
}
