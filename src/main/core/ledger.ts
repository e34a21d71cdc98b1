import type { Device, ForeignHolder, Lease } from '../../shared/contract'
import type { DeviceId, JobId, LeaseId } from '../../shared/domain/ids'
import type { ResourceVector } from '../../shared/domain/resources'
import type { Clock } from '../platform/clock'
import type { Claim } from './claim'
import { numaNodeOf } from './hints'
import { type FreeDevice, isShared, type Shares, type Space } from './place'
import { addQuanta, fromQuantum, type Quanta, takeQuanta, toQuanta, toVector } from './quanta'

/** A lease in force, with its amounts as whole numbers. */
export interface HeldLease {
  lease: Lease
  shares: Shares
  need: Quanta
  /** Unix ms, or null: until released. */
  expiresAtMs: number | null
  /** Whose it counts as, and how much of it; absent: all of it as the holder's. */
  parts?: ReadonlyMap<string, Quanta>
}

/** What a lease counts for, principal by principal. */
export function partsOf({ lease, need, parts }: HeldLease): ReadonlyMap<string, Quanta> {
  return parts ?? new Map([[lease.holder, need]])
}

const NOTHING: Quanta = new Map()

/**
 * What memory knows: devices, what lies on them, who holds it. Sums are exact. It decides nothing and stores nothing;
 * changes of leases return their own undo, for the transaction they are part of.
 */
export class Ledger {
  readonly #devices = new Map<string, { device: Device; capacity: Quanta }>()
  /** Of all that are there; null: to be summed up anew. */
  #capacity: ResourceVector | null = null
  readonly #leases = new Map<string, HeldLease>()
  readonly #used = new Map<string, Quanta>()
  readonly #heldBy = new Map<string, Quanta>()
  #unanswered: ReadonlySet<string> = new Set()
  #foreign: ReadonlyMap<string, Quanta> = new Map()
  readonly #busyOutside = new Map<string, Quanta>()
  #foreignHolders: readonly ForeignHolder[] = []
  #reservedMemory = 0
  readonly #clock: Clock
  /** Cores of the host that were leased, times how long, until `at`. */
  #leased = { coreMs: 0, at: 0 }
  /** In the order in which they were made. */
  #claims: readonly Claim[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    this.#leased.at = clock.now()
  }

  setDevice(device: Device): void {
    this.#capacity = null
    this.#devices.set(device.id, { device, capacity: toQuanta(device.capacity) })
  }

  removeDevice(id: string): void {
    this.#capacity = null
    this.#devices.delete(id)
  }

  device(id: string): Device | undefined {
    return this.#devices.get(id)?.device
  }

  devices(): Device[] {
    return [...this.#devices.values()].map(({ device }) => device)
  }

  /** Of all devices together that are not missing. Asked for each job. */
  capacity(): ResourceVector {
    if (this.#capacity) return this.#capacity
    const sum: Quanta = new Map()
    for (const { device, capacity } of this.#devices.values())
      if (device.health !== 'missing') addQuanta(sum, capacity)
    this.#capacity = toVector(sum)
    return this.#capacity
  }

  /** Devices whose tool gave no answer when it was last asked: they may be fit for work again at any moment. */
  setUnanswered(devices: ReadonlySet<string>): void {
    this.#unanswered = devices
  }

  /** What programs outside use of memory, by device. */
  setForeign(foreign: ReadonlyMap<string, Quanta>): void {
    this.#foreign = foreign
  }

  /** What programs outside keep busy of a device that is shared with them: cores, or a part of a GPU. */
  setBusyOutside(device: string, busy: ResourceVector): void {
    this.#busyOutside.set(device, toQuanta(busy))
  }

  /** The largest of those programs by name. */
  setForeignHolders(holders: readonly ForeignHolder[]): void {
    this.#foreignHolders = holders
  }

  foreignHolders(): readonly ForeignHolder[] {
    return this.#foreignHolders
  }

  /** Bytes of the host's memory that are never granted. */
  setReservedMemory(bytes: number): void {
    this.#reservedMemory = bytes
  }

  add(held: HeldLease): () => void {
    return this.#insert(held, this.#claims)
  }

  /** Null when no such lease is in force. */
  remove(id: string): (() => void) | null {
    const held = this.#leases.get(id)
    if (!held) return null
    this.#countLeased()
    this.#leases.delete(id)
    for (const [principal, part] of partsOf(held)) this.#take(this.#heldBy, principal, part)
    const counted = this.#claims.filter(({ since }) => since.delete(id))
    for (const [device, amounts] of held.shares) {
      this.#take(this.#used, device, amounts)
      for (const { used } of counted) this.#take(used, device, amounts)
    }
    return () => void this.#insert(held, counted)
  }

  /** The same lease with other words, another end, or counted for others; amounts and holder stay. */
  replace(held: HeldLease): () => void {
    const before = this.#leases.get(held.lease.id)
    if (!before) return () => undefined
    for (const [principal, part] of partsOf(before)) this.#take(this.#heldBy, principal, part)
    for (const [principal, part] of partsOf(held)) this.#put(this.#heldBy, principal, part)
    this.#leases.set(held.lease.id, held)
    return () => void this.replace(before)
  }

  lease(id: string): HeldLease | undefined {
    return this.#leases.get(id)
  }

  leases(): IterableIterator<HeldLease> {
    return this.#leases.values()
  }

  /** What lies on a device. */
  used(device: string): Quanta {
    return this.#used.get(device) ?? NOTHING
  }

  /** Cores of the host that were leased, times how long, ms, from the beginning. */
  leasedCoreMs(): number {
    this.#countLeased()
    return this.#leased.coreMs
  }

  heldBy(principal: string): Quanta {
    return this.#heldBy.get(principal) ?? NOTHING
  }

  /**
   * What programs outside take of what can be granted. Cores and GPUs are shared with them; where a device yields, what
   * they keep busy is theirs while some of the rest is held, so that load alone keeps nobody waiting.
   * @param isHeld whether some of it is
   */
  foreign(device: string, isHeld = isShared(this.used(device))): Quanta {
    const memory = this.#foreign.get(device) ?? NOTHING
    if (!isHeld) return memory
    const all = new Map(memory)
    addQuanta(all, this.#yielded(device))
    return all
  }

  #yielded(device: string): Quanta {
    return (this.device(device)?.yieldsToOthers && this.#busyOutside.get(device)) || NOTHING
  }

  /** What leases and programs outside hold together beyond the device: what ends there pays that first. */
  #owed({ id }: Device, most: Quanta): Quanta {
    const owed = new Map(this.foreign(id))
    addQuanta(owed, this.used(id))
    takeQuanta(owed, most)
    return owed
  }

  /** Keeps room from now on. */
  addClaim(claim: Claim): void {
    this.#claims = [...this.#claims, claim]
  }

  removeClaim(claim: Claim): void {
    this.#claims = this.#claims.filter((other) => other !== claim)
  }

  get claims(): readonly Claim[] {
    return this.#claims
  }

  /** Room that is kept for who goes before. */
  claimsBefore(rank: number): readonly Claim[] {
    return this.#claims.filter((claim) => claim.rank > rank)
  }

  /** What leases that are older than a claim hold on its devices; and those that are not, by their jobs where they have some. */
  besides({ shares, used, since }: Claim): { before: Shares; since: Set<JobId | LeaseId> } {
    const before: Shares = new Map()
    for (const id of shares.keys()) {
      const held = new Map(this.used(id))
      takeQuanta(held, used.get(id) ?? NOTHING)
      before.set(id, held)
    }
    const ids = [...since].map((id) => this.#leases.get(id)?.lease.job ?? id)
    return { before, since: new Set(ids as (JobId | LeaseId)[]) }
  }

  /** Fit devices with what they still have to give, less the room of these claims. */
  spaces(beside: readonly Claim[]): Space[] {
    const spaces: Space[] = []
    for (const { device, capacity } of this.#devices.values()) {
      if (device.health !== 'ok') continue
      const yields = isShared(this.used(device.id)) ? NOTHING : this.#yielded(device.id)
      const unleased = this.#ceiling(device, capacity)
      takeQuanta(unleased, this.foreign(device.id, false))
      spaces.push({ ...this.#space(device, unleased, this.#free(device, capacity, beside)), yields })
    }
    return spaces
  }

  /** Fit devices with what is left beside these claims when the leases have ended that are older than they. */
  spacesOnceFree(beside: readonly Claim[]): Space[] {
    return this.spaces(beside).map((space) => {
      const free = new Map(space.capacity)
      const held = new Map(space.capacity)
      takeQuanta(held, this.#yielded(space.id))
      limitBeside(beside, space.id, held, free)
      return { ...space, free }
    })
  }

  /**
   * Fit devices as they would be with no lease and no foreign program on them.
   * @param also those whose tool gave no answer, or all whatever their health
   */
  emptySpaces(also: 'unanswered' | 'all' | null = null): Space[] {
    const spaces: Space[] = []
    for (const { device, capacity } of this.#devices.values()) {
      const counts = also === 'all' || (also === 'unanswered' && this.#unanswered.has(device.id))
      if (device.health !== 'ok' && !counts) continue
      const unleased = this.#ceiling(device, capacity)
      spaces.push(this.#space(device, unleased, new Map(unleased)))
    }
    return spaces
  }

  /** @param beside as for {@link spaces} */
  freeDevices(beside: readonly Claim[]): FreeDevice[] {
    return [...this.#devices.values()].map(({ device, capacity }) => {
      const most = this.#ceiling(device, capacity)
      const yields = this.#yielded(device.id)
      return {
        id: device.id as DeviceId,
        kind: device.kind,
        free: toVector(this.#free(device, capacity, beside)),
        capacity: toVector(most),
        outside: toVector(this.foreign(device.id, false)),
        owed: toVector(this.#owed(device, most)),
        ...(yields.size > 0 && { yields: toVector(yields), held: toVector(this.used(device.id)) }),
        healthy: device.health === 'ok',
        numaNode: numaNodeOf(device),
      }
    })
  }

  /** @param claims that count it as granted since */
  #insert(held: HeldLease, claims: readonly Claim[]): () => void {
    const { id } = held.lease
    this.#countLeased()
    this.#leases.set(id, held)
    for (const [principal, part] of partsOf(held)) this.#put(this.#heldBy, principal, part)
    for (const { since } of claims) since.add(id)
    for (const [device, amounts] of held.shares) {
      this.#put(this.#used, device, amounts)
      for (const { used } of claims) this.#put(used, device, amounts)
    }
    return () => void this.remove(id)
  }

  #countLeased(): void {
    const { coreMs, at } = this.#leased
    const now = this.#clock.now()
    // What runs on a declared CPU runs on this machine, too.
    let cores = 0
    for (const { device } of this.#devices.values())
      if (device.kind === 'cpu') cores += fromQuantum('cpuCores', this.used(device.id).get('cpuCores') ?? 0)
    // A clock that was set back counts for nothing.
    this.#leased = { coreMs: coreMs + cores * Math.max(0, now - at), at: now }
  }

  #space(device: Device, capacity: Quanta, free: Quanta): Space {
    return { id: device.id, kind: device.kind, free, capacity, yields: NOTHING, numaNode: numaNodeOf(device) }
  }

  #ceiling(device: Device, capacity: Quanta): Quanta {
    const ceiling = new Map(capacity)
    if (device.kind === 'cpu' && this.#reservedMemory > 0) {
      takeQuanta(ceiling, new Map([['memoryBytes', this.#reservedMemory]]))
    }
    return ceiling
  }

  #free(device: Device, capacity: Quanta, claims: readonly Claim[]): Quanta {
    const most = this.#ceiling(device, capacity)
    takeQuanta(most, this.foreign(device.id))
    const free = new Map(most)
    takeQuanta(free, this.#used.get(device.id) ?? NOTHING)
    // For each turn of the planner: most of the time nobody keeps room.
    if (claims.length === 0) return free
    // Once the room of a claim is held, programs outside have theirs, too.
    const held = this.#ceiling(device, capacity)
    takeQuanta(held, this.foreign(device.id, true))
    limitBeside(claims, device.id, held, free)
    return free
  }

  #put(sums: Map<string, Quanta>, key: string, amounts: Quanta): void {
    const sum = sums.get(key)
    if (sum) addQuanta(sum, amounts)
    else sums.set(key, new Map(amounts))
  }

  #take(sums: Map<string, Quanta>, key: string, amounts: Quanta): void {
    const sum = sums.get(key)
    if (!sum) return
    takeQuanta(sum, amounts)
    if (sum.size === 0) sums.delete(key)
  }
}

/**
 * Leaves in `free` what may be taken so that, when the leases have ended that were there before a claim, its room is free
 * together with all that was kept by then.
 * @param most what the device has to give while some of it is held
 */
function limitBeside(claims: readonly Claim[], device: string, most: Quanta, free: Quanta): void {
  const all: Quanta = new Map()
  for (const { shares, used } of claims) {
    const kept = shares.get(device)
    if (!kept) continue
    addQuanta(all, kept)
    const beside = new Map(most)
    takeQuanta(beside, all)
    takeQuanta(beside, used.get(device) ?? NOTHING)
    for (const name of kept.keys()) {
      const left = Math.min(free.get(name) ?? 0, beside.get(name) ?? 0)
      if (left > 0) free.set(name, left)
      else free.delete(name)
    }
  }
}
