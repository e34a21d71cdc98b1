import type { Device, DeviceDeclaration } from '../../shared/contract'
import type { DeviceId, PrincipalId } from '../../shared/domain/ids'
import { canYield } from '../../shared/domain/yielding'
import { AppError } from '../../shared/errors'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import { Emitter } from '../platform/events'
import type { Logger } from '../platform/logger'
import { declaredDevice } from './declaration'
import { unanswered } from './detect/merge'
import { createDeviceStore, type DeviceStore } from './device-store'
import type { FoundDevice, Host } from './host'
import type { Ledger } from './ledger'

/** The devices there are, were, and are said to be. */
export class Devices {
  readonly #database: Database
  readonly #clock: Clock
  readonly #ledger: Ledger
  readonly #host: Host
  readonly #logger: Logger
  readonly #store: DeviceStore
  readonly #changes: Emitter<{ changed: Device[]; removed: string[] }>
  #scanning: Promise<Device[]> | null = null

  constructor(deps: { database: Database; clock: Clock; ledger: Ledger; host: Host; logger: Logger }) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#ledger = deps.ledger
    this.#host = deps.host
    this.#logger = deps.logger
    this.#store = createDeviceStore(deps.database, deps.clock)
    this.#changes = new Emitter((error) =>
      deps.logger.error({ err: error }, 'A listener of device changes failed.'),
    )
  }

  get onDidChange() {
    return this.#changes.event
  }

  async start(): Promise<void> {
    for (const device of this.#store.all()) this.#ledger.setDevice(device)
    await this.rescan()
  }

  list(): Device[] {
    return this.#ledger.devices()
  }

  /** Scans that are asked for while one runs are that one. */
  rescan(): Promise<Device[]> {
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = null
    })
    return this.#scanning
  }

  declare(declaration: DeviceDeclaration, by: PrincipalId): Device {
    const device = declaredDevice(this.#clock.newId<DeviceId>('device'), declaration, by, this.list())
    this.#save([device])
    return device
  }

  update(id: string, { yieldsToOthers }: Pick<Device, 'yieldsToOthers'>): Device {
    const before = this.#find(id)
    if (!canYield(before)) {
      throw new AppError(
        'system.invalid',
        `How much of ${before.name} other programs keep busy is not known; only a CPU, an NVIDIA GPU that is not cut into parts, or a GPU of amdgpu, i915 or xe that was found here can leave it to them.`,
        { field: 'yieldsToOthers' },
      )
    }
    const device = { ...before, yieldsToOthers }
    this.#save([device])
    return device
  }

  remove(id: string): void {
    const device = this.#find(id)
    if (device.origin === 'detected' && device.health !== 'missing') {
      throw new AppError(
        'system.invalid',
        `${device.name} is there and would be found again; only declared or missing devices can be removed.`,
        {
          device: id,
        },
      )
    }
    const leases = [...this.#ledger.leases()].filter(({ shares }) => shares.has(id)).map(({ lease }) => lease)
    if (leases.length > 0) {
      throw new AppError(
        'core.in_use',
        `${device.name} is in use: ${leases.length === 1 ? 'a lease lies' : `${leases.length} leases lie`} on it. Release them first.`,
        { leases: leases.slice(0, 20).map((lease) => lease.id) },
      )
    }
    this.#database.transaction(() => {
      this.#store.remove(id)
      this.#ledger.removeDevice(id)
      this.#database.onRollback(() => this.#ledger.setDevice(device))
    })
    this.#fire([], [id])
  }

  #find(id: string): Device {
    const device = this.#ledger.device(id)
    if (!device) throw new AppError('core.not_found', `There is no device ${id}.`, { device: id })
    return device
  }

  async #scan(): Promise<Device[]> {
    const { devices: found, failedTools } = await this.#host.detect()
    const known = new Map(this.list().map((device) => [device.id, device]))
    const changed: Device[] = []
    const seen = new Set<string>()
    for (const item of found) {
      seen.add(item.id)
      const before = known.get(item.id)
      const detected = { ...item, origin: 'detected' as const }
      const now = beforeFailure(before, failedTools) ?? {
        ...detected,
        yieldsToOthers: before?.yieldsToOthers ?? (canYield(detected) && !isPartOfMachine(item)),
      }
      if (!before || JSON.stringify(before) !== JSON.stringify(now)) changed.push(now)
    }
    for (const before of known.values()) {
      if (before.origin !== 'detected' || seen.has(before.id)) continue
      const now = beforeFailure(before, failedTools) ?? { ...before, health: 'missing' as const }
      if (now.health !== before.health || now.properties !== before.properties) changed.push(now)
      if (now.health === 'missing' && before.health !== 'missing') {
        this.#logger.warn({ device: before.id }, 'A device is no longer there.')
      }
    }
    if (changed.length > 0) this.#save(changed)
    const silent = this.list().filter((device) => failedToolOf(device, failedTools))
    this.#ledger.setUnanswered(new Set(silent.map(({ id }) => id)))
    return this.list()
  }

  #save(devices: Device[]): void {
    this.#database.transaction(() => {
      for (const device of devices) {
        const before = this.#ledger.device(device.id)
        this.#store.save(device)
        this.#ledger.setDevice(device)
        this.#database.onRollback(() => {
          if (before) this.#ledger.setDevice(before)
          else this.#ledger.removeDevice(device.id)
        })
      }
    })
    this.#fire(devices, [])
  }

  // After the transaction that this may be part of.
  #fire(devices: Device[], removed: string[]): void {
    queueMicrotask(() => {
      const changed = devices.flatMap(({ id }) => this.#ledger.device(id) ?? [])
      this.#changes.fire({ changed, removed: removed.filter((id) => !this.#ledger.device(id)) })
    })
  }
}

/** A tool that told of a device and now gives no answer: the device is known as it was, and not to be used. */
function beforeFailure(before: Device | undefined, failedTools: readonly string[]): Device | null {
  const tool = before && failedToolOf(before, failedTools)
  if (!tool) return null
  const now = unanswered(before, tool)
  return before.health === now.health && before.properties['problem'] === now.properties['problem']
    ? before
    : now
}

function failedToolOf({ foundBy }: Device, failedTools: readonly string[]): string | undefined {
  return failedTools.find((name) => foundBy.includes(name))
}

/** Some of its cores alone are ours, by affinity or a control group: how busy those are is not known. */
function isPartOfMachine({ capacity, properties }: FoundDevice): boolean {
  const all = properties['coresLogical']
  return typeof all === 'number' && (capacity.cpuCores ?? 0) < all
}
