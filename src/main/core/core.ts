import type { TelemetrySample } from '../../shared/contract'
import { TIMED_RESOURCES } from '../../shared/domain/budget'
import { AppError } from '../../shared/errors'
import { Emitter } from '../platform/events'
import { Allocator } from './allocator'
import { claimOf } from './claim'
import { Devices } from './devices'
import { BusyMean } from './foreign/busy-mean'
import type { GpuProgram, GpuUse, HostReading } from './host'
import type { Core, CoreDeps } from './index'
import { Ledger } from './ledger'
import { createMachine } from './machine'
import { toPlacement } from './place'
import { toQuanta } from './quanta'
import { Quotas } from './quotas'
import { RequestQueue } from './request-queue'
import { foreignCores, foreignMemory, sumResources } from './resources'
import { Telemetry } from './telemetry'
import { rankOf } from './waiting'

const SAMPLE_MS = 1000
/** Looking at all processes takes some milliseconds of work, however it is spread. */
const PROGRAMS_MS = 5_000
/** While memory of a GPU is leased: who takes more than that is to be stopped soon. */
const LEASED_GPU_MS = 1_000
const MINUTE_MS = 60_000
/** A detected device that is not well is looked for again after this time. */
const LOST_MS = 30_000

/** Wires the parts of core; what each does is in its own file. */
export function createCore(deps: CoreDeps): Core {
  const { database, clock, logger } = deps
  const host = deps.host ?? createMachine({ clock, logger })
  const ledger = new Ledger(clock)
  const quotas = new Quotas({ ledger, database, clock, logger })
  const allocator = new Allocator({ ledger, quotas, database, clock, logger })
  const requests = new RequestQueue({
    allocator,
    ledger,
    database,
    clock,
    weights: quotas.weights,
    onListenerError: (error) => logger.error({ err: error }, 'A listener of what requests lack failed.'),
  })
  const devices = new Devices({ database, clock, ledger, host, logger })
  const telemetry = new Telemetry(database)
  const busyCores = new BusyMean(1)
  /** By GPU. */
  const busyGpus = new Map<string, BusyMean>()
  const samples = new Emitter<TelemetrySample[]>((error) =>
    logger.error({ err: error }, 'A listener of samples failed.'),
  )
  let stopSampling: () => void = () => undefined
  const gpuPrograms = new Emitter<readonly GpuProgram[]>((error) =>
    logger.error({ err: error }, 'A listener of the programs on GPUs failed.'),
  )
  let stopPrograms: () => void = () => undefined
  let gpusOutside: ReadonlyMap<string, GpuUse> = new Map()
  /** Until the next look at other programs; null during one. */
  let programsWaitMs: number | null = null
  let disposed = false
  let coresOutside = 0
  let leasedBefore = { coreMs: 0, at: clock.now() }
  let lastReading: HostReading = { readings: [], childrenMemoryBytes: null }
  let housekeepingAt = 0
  let heard: readonly string[] = []
  let lookedAt = 0

  allocator.connect(requests, () => requests.wake())
  devices.onDidChange(() => requests.devicesChanged())
  quotas.budgets.onDidUseUp(({ principal, resource }) => {
    try {
      allocator.endFor(principal, TIMED_RESOURCES[resource])
    } catch (error) {
      logger.error({ err: error, principal, resource }, 'What a used up budget holds could not be ended.')
      quotas.budgets.notEnded(principal, resource)
    }
  })

  /** Since the last call. */
  function meanLeasedCores(): number {
    const before = leasedBefore
    leasedBefore = { coreMs: ledger.leasedCoreMs(), at: clock.now() }
    const passedMs = leasedBefore.at - before.at
    return passedMs > 0 ? (leasedBefore.coreMs - before.coreMs) / passedMs : 0
  }

  async function sample(): Promise<void> {
    const startedAt = clock.now()
    quotas.budgets.countAll()
    // Before the tools are asked, which may take long, or fail.
    await quotas.budgets.save().catch((error: unknown) => {
      if (!disposed) logger.error({ err: error }, 'The use of budgets could not be written.')
    })
    if (disposed) return
    try {
      lastReading = await host.read(devices.list())
      if (disposed) return
      ledger.setForeign(foreignMemory(lastReading, gpusOutside, ledger))
      coresOutside = foreignCores(
        lastReading,
        ledger.device('cpu0')?.capacity.cpuCores ?? 0,
        meanLeasedCores(),
      )
      busyCores.observe(coresOutside, clock.now())
      ledger.setBusyOutside('cpu0', { cpuCores: busyCores.amount })
      lookForChanged()
      samples.fire(telemetry.add(lastReading.readings, clock.now()))
      requests.wake()
      if (startedAt - housekeepingAt >= MINUTE_MS) {
        housekeepingAt = startedAt
        await telemetry.flush(startedAt)
        if (!disposed) allocator.prune()
      }
    } catch (error) {
      // While stopping, the database may have closed before the last minute was written.
      if (!disposed) logger.error({ err: error }, 'The devices could not be sampled.')
    }
    if (!disposed)
      stopSampling = clock.setTimer(Math.max(1, SAMPLE_MS - (clock.now() - startedAt)), () => void sample())
  }

  async function samplePrograms(): Promise<void> {
    programsWaitMs = null
    try {
      const { holders, onGpus, gpusOutside: outside } = await host.readPrograms(devices.list())
      ledger.setForeignHolders(holders)
      // A tool that gave no answer once: what it said before still stands.
      if (outside) observe(outside)
      if (onGpus && !disposed) gpuPrograms.fire(onGpus)
    } catch (error) {
      logger.warn({ err: error }, 'What other programs hold could not be read.')
    }
    awaitPrograms()
  }

  function observe(outside: ReadonlyMap<string, GpuUse>): void {
    gpusOutside = outside
    for (const [device, { load }] of outside) {
      if (load === null) continue
      const mean = busyGpus.get(device) ?? new BusyMean(10)
      busyGpus.set(device, mean)
      mean.observe(load, clock.now())
      ledger.setBusyOutside(device, { gpu: mean.amount })
    }
    for (const device of busyGpus.keys()) {
      if (typeof outside.get(device)?.load === 'number') continue
      busyGpus.delete(device)
      ledger.setBusyOutside(device, {})
    }
  }

  const isGpuMemoryLeased = () => devices.list().some(({ id }) => ledger.used(id).has('gpuMemoryBytes'))

  function awaitPrograms(): void {
    programsWaitMs = isGpuMemoryLeased() ? LEASED_GPU_MS : PROGRAMS_MS
    if (!disposed) stopPrograms = clock.setTimer(programsWaitMs, () => void samplePrograms())
  }

  // Who takes the memory of a GPU is watched from then on.
  allocator.onDidChange(() => {
    if (programsWaitMs !== PROGRAMS_MS || !isGpuMemoryLeased()) return
    stopPrograms()
    awaitPrograms()
  })

  /** A device that has told of itself and now does not may be gone; one that was lost may be there again. */
  function lookForChanged(): void {
    const now = lastReading.readings.map(({ device }) => device)
    const isSilent = heard.some((device) => !now.includes(device))
    heard = now
    const isLost = devices.list().some(({ origin, health }) => origin === 'detected' && health !== 'ok')
    if (!isSilent && !(isLost && clock.now() - lookedAt >= LOST_MS)) return
    lookedAt = clock.now()
    devices
      .rescan()
      .catch((error: unknown) => logger.error({ err: error }, 'The devices could not be looked for.'))
  }

  return {
    async start() {
      await devices.start()
      quotas.start()
      allocator.start()
      housekeepingAt = clock.now()
      await telemetry.start(
        devices.list().map(({ id }) => id),
        clock.now(),
      )
      await sample()
      void samplePrograms()
    },
    dispose() {
      if (disposed) return
      disposed = true
      stopSampling()
      stopPrograms()
      requests.dispose()
      allocator.dispose()
      quotas.dispose()
      host.dispose()
    },

    listDevices: () => devices.list(),
    declareDevice: (declaration, by) => devices.declare(declaration, by),
    updateDevice: (id, change) => devices.update(id, change),
    removeDevice(id) {
      devices.remove(id)
      telemetry.forget(id)
    },
    rescan: () => devices.rescan(),
    resources: () => sumResources(ledger, coresOutside, gpusOutside),
    capacity: () => ledger.capacity(),
    latestTelemetry: () => telemetry.latest(),
    telemetry: (query) => telemetry.query(query, clock.now(), (id) => ledger.device(id) !== undefined),

    freeDevices: () => ledger.freeDevices(ledger.claims.filter(({ isPlanned }) => !isPlanned)),
    keptRoom() {
      const claim = requests.claim
      if (!claim) return null
      const { purpose, holder, rank } = claim
      const { before, since } = ledger.besides(claim)
      const devices = ledger.freeDevices([])
      return {
        purpose,
        holder,
        rank,
        devices,
        room: toPlacement(claim.shares),
        before: toPlacement(before),
        since,
      }
    },
    keepRoom({ placement, purpose, holder, priority, since }) {
      const shares = new Map(placement.map(({ device, amounts }) => [device, toQuanta(amounts)] as const))
      const claim = claimOf({ shares, rank: rankOf(priority, since), purpose, holder, isPlanned: true })
      ledger.addClaim(claim)
      requests.planChanged()
      return () => {
        ledger.removeClaim(claim)
        requests.planChanged()
      }
    },
    assertPossible: (need, hints, whateverHealth) =>
      allocator.assertPossible(toQuanta(need), hints, whateverHealth),
    allocate: (need, options, placement) => allocator.allocate(toQuanta(need), options, placement),
    request: async (need, options) => requests.request(toQuanta(need), options),
    renew: (id, ttlMs) => allocator.renew(id, ttlMs),
    release: (id) => allocator.release(id),
    share: (id, among, use) => allocator.share(id, among, use),
    getLease: (id) => allocator.get(id),
    listLeases: () => allocator.list(),

    getQuota: (principal) => quotas.get(principal),
    setQuota(settings) {
      const quota = quotas.set(settings)
      requests.wake()
      return quota
    },
    removeQuota(principal) {
      quotas.remove(principal)
      requests.wake()
    },
    limitsOf: (principal) => quotas.limits(principal),
    budgetUse: (principal) => quotas.budgets.use(principal),
    mayHold: (need, principal) => allocator.quotaRefusal(toQuanta(need), principal) === null,
    assertMayEverHold: (need, principal) => quotas.assertMayEverHold(toQuanta(need), principal),
    weights: () => quotas.weights,
    assertJob: (principal) => quotas.assertJob(principal),
    chargeJob: (principal) => quotas.chargeJob(principal),
    budgetStop: (principal, resource) => quotas.stopped(principal, resource),

    setReservedMemory(bytes) {
      if (!Number.isFinite(bytes) || bytes < 0) {
        throw new AppError('system.invalid', 'The memory to keep free must be 0 bytes or more.', {
          field: 'reservedMemoryBytes',
        })
      }
      ledger.setReservedMemory(Math.floor(bytes))
      requests.wake()
    },

    onDidChangeDevices: devices.onDidChange,
    onDidChangeLeases: allocator.onDidChange,
    onDidLackMemory: requests.onDidLackMemory,
    onDidSample: samples.event,
    onDidSeeGpuPrograms: gpuPrograms.event,
    onDidUseUpBudget: quotas.budgets.onDidUseUp,
  }
}
