import type { Device } from '../../shared/contract'
import type { PlaceHints } from '../../shared/domain/place-hints'
import type { Shares, Space } from './place'
import { quantaOfOne } from './quanta'

export const NO_HINTS: PlaceHints = {}

/** Of a resource that may be divided, the most that one device gives when it is spread over all that have it. */
export function mostOfOne(name: string, quantum: number, spaces: readonly Space[]): number {
  const devices = spaces.filter(
    ({ kind, capacity }) => capacity.has(name) && (name.startsWith('custom.') || kind === name),
  ).length
  const one = quantaOfOne(name)
  return Math.ceil(quantum / one / Math.max(1, devices)) * one
}

/** A CPU whose cores lie on several nodes says none, and is on each. */
export function isOnNode({ kind, numaNode }: Space, node: number): boolean {
  return numaNode === node || (numaNode === null && kind === 'cpu')
}

/** The NUMA node a device says it is on; null: not known, or several. */
export function numaNodeOf({ properties }: Device): number | null {
  const node = properties['numaNode']
  return typeof node === 'number' ? node : null
}

/** The nodes to look at, in order. */
export function nodesFor(hint: 'same' | number, spaces: readonly Space[]): number[] {
  if (hint !== 'same') return [hint]
  const known = new Set(spaces.flatMap(({ numaNode }) => numaNode ?? []))
  // Without any, what lies on the CPU alone is together all the same.
  return known.size === 0 ? [0] : [...known].sort((a, b) => a - b)
}

/** Whether a placement lies as the hints ask. */
export function honours(
  shares: Shares,
  { devices, numaNode }: PlaceHints,
  spaces: readonly Space[],
): boolean {
  if (numaNode === undefined) return isDivided(shares, devices, spaces)
  return nodesFor(numaNode, spaces).some((node) => {
    const onNode = spaces.filter((space) => isOnNode(space, node))
    const isThere = (id: string) => onNode.some((space) => space.id === id)
    return [...shares.keys()].every(isThere) && isDivided(shares, devices, onNode)
  })
}

function isDivided(shares: Shares, devices: PlaceHints['devices'], spaces: readonly Space[]): boolean {
  if (devices === undefined) return true
  const parts = new Map<string, number[]>()
  for (const amounts of shares.values())
    for (const [name, quantum] of amounts) parts.set(name, [...(parts.get(name) ?? []), quantum])
  return [...parts].every(([name, amounts]) => {
    if (devices === 'same') return amounts.length === 1
    // Cores lie on one CPU by their nature; memory follows its GPU.
    if (!isUnit(name)) return true
    const total = amounts.reduce((sum, amount) => sum + amount, 0)
    return Math.max(...amounts) <= mostOfOne(name, total, spaces)
  })
}

function isUnit(name: string): boolean {
  return name === 'gpu' || name === 'npu' || name === 'fpga' || name.startsWith('custom.')
}
