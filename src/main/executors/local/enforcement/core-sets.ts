/** One logical CPU: which physical core it is a thread of, and which memory is near it. */
export interface Cpu {
  id: number
  core: string
  node: number
}

/**
 * Shares CPUs out to owners: each gets as many as it leased, others' only when there are not enough, of one memory node
 * where one has the room (the one that the owner prefers, if that has), and of physical cores that nobody else uses before
 * those that somebody does.
 */
export class CoreSets {
  readonly #cpus: readonly Cpu[]
  readonly #sets = new Map<string, { ids: readonly number[]; cores: number }>()

  constructor(cpus: readonly Cpu[]) {
    this.#cpus = cpus
  }

  /** The CPUs of an owner from now on, ascending; those it had stay where that is no worse. */
  assign(owner: string, cores: number, preferredNode: number | null = null): readonly number[] {
    const before = new Set(this.#sets.get(owner)?.ids)
    this.release(owner)
    const ids = choose(this.#cpus, this.#load(), cores, before, preferredNode)
    this.#sets.set(owner, { ids, cores })
    return ids
  }

  release(owner: string): void {
    this.#sets.delete(owner)
  }

  /** What is promised of each CPU: 1 is all of it. */
  #load(): Map<number, number> {
    const load = new Map<number, number>()
    for (const { ids, cores } of this.#sets.values())
      for (const id of ids) load.set(id, (load.get(id) ?? 0) + Math.min(1, cores / ids.length))
    return load
  }
}

function choose(
  cpus: readonly Cpu[],
  load: ReadonlyMap<number, number>,
  cores: number,
  before: ReadonlySet<number>,
  preferredNode: number | null,
): number[] {
  const count = Math.min(cpus.length, Math.max(1, Math.ceil(cores)))
  const loadOf = ({ id }: Cpu) => load.get(id) ?? 0
  const candidates = [...nodeFor(cpus, loadOf, count, before, preferredNode)]
  const busy = new Map<string, number>()
  for (const cpu of cpus) busy.set(cpu.core, (busy.get(cpu.core) ?? 0) + loadOf(cpu))
  const chosen: number[] = []
  while (chosen.length < count) {
    const rank = (cpu: Cpu) => [loadOf(cpu), busy.get(cpu.core) ?? 0, before.has(cpu.id) ? 0 : 1, cpu.id]
    const best = candidates.reduce((a, b) => (compare(rank(a), rank(b)) <= 0 ? a : b))
    candidates.splice(candidates.indexOf(best), 1)
    busy.set(best.core, (busy.get(best.core) ?? 0) + 1)
    chosen.push(best.id)
  }
  return chosen.sort((a, b) => a - b)
}

/** Of the nodes that have enough free CPUs: those of the preferred one, else of the one with the fewest left over; all where none has. */
function nodeFor(
  cpus: readonly Cpu[],
  loadOf: (cpu: Cpu) => number,
  count: number,
  before: ReadonlySet<number>,
  preferredNode: number | null,
): readonly Cpu[] {
  const nodes = [...new Set(cpus.map(({ node }) => node))].map((node) => {
    const members = cpus.filter((cpu) => cpu.node === node)
    const left = members.filter((cpu) => loadOf(cpu) === 0).length - count
    const stays = members.some(({ id }) => before.has(id))
    return { members, left, rank: [node === preferredNode ? 0 : 1, stays ? 0 : 1, left, node] }
  })
  const [best] = nodes.filter(({ left }) => left >= 0).sort((a, b) => compare(a.rank, b.rank))
  return best?.members ?? cpus
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - (b[i] ?? 0)
  return 0
}
