import type { ForeignHolder } from '../../shared/contract'
import { shortId } from '../../shared/domain/ids'
import { hintsInWords, type PlaceHints } from '../../shared/domain/place-hints'
import type { ResourceVector } from '../../shared/domain/resources'
import { formatBytes } from '../../shared/domain/units'
import { AppError } from '../../shared/errors'
import type { Claim } from './claim'
import type { HeldLease, Ledger } from './ledger'
import { type FreeDevice, giveBackTo, place } from './place'
import { addQuanta, namedAmounts, type Quanta, toQuantum, toVector } from './quanta'

const MOST_HOLDERS = 20

/** Why something cannot be had now. Purpose and holder are null for a reader who may not see them. */
interface Contention {
  missing: ResourceVector
  /** Those with the most of what is missing first. */
  holders: {
    lease: string
    holder: string | null
    purpose: string | null
    amounts: ResourceVector
    expiresAt: string | null
  }[]
  moreHolders: number
  /** When enough of these have expired, if none is renewed; null when nobody knows. */
  estimateMs: number | null
  /** Who goes first, where room is kept. */
  keptFor?: { holder: string | null; purpose: string | null }
  foreign?: ResourceVector
  /** The program outside that alone holds enough. */
  largestForeign?: { name: string; amounts: ResourceVector }
}

/** `core.unavailable`: others hold it now, or it is kept for one who goes first. */
export class Unavailable extends AppError {
  readonly contention: Contention

  constructor(contention: Contention) {
    super('core.unavailable', wordsOf(contention), { ...contention })
    this.contention = contention
  }

  /** For one who may see what belongs to some principals alone, and perhaps which programs run. */
  shownTo(sees: { ofPrincipal(principal: string): boolean; programs: boolean }): Unavailable {
    const { holders, keptFor, largestForeign, ...rest } = this.contention
    const shown = <Of extends { holder: string | null; purpose: string | null }>(of: Of): Of =>
      of.holder !== null && sees.ofPrincipal(of.holder) ? of : { ...of, holder: null, purpose: null }
    return new Unavailable({
      ...rest,
      holders: holders.map(shown),
      ...(keptFor && { keptFor: shown(keptFor) }),
      ...(largestForeign && sees.programs && { largestForeign }),
    })
  }
}

function wordsOf({
  missing,
  holders: [first, ...others],
  moreHolders,
  keptFor,
  foreign,
  largestForeign,
}: Contention): string {
  const more = others.length + moreHolders
  const sentences = [`Not free now: ${inWords(missing)} more would be needed.`]
  if (keptFor) sentences.push(`It is kept for ${keptFor.purpose ?? 'another'}, which goes first.`)
  else if (first) {
    const { lease, purpose, holder } = first
    const who = purpose === null ? shortId(lease) : `${purpose} of ${holder}`
    sentences.push(`${who}${more > 0 ? ` and ${more} more hold` : ' holds'} some of it.`)
  } else if (foreign) sentences.push(`Programs outside LLMAgentOS use ${inWords(foreign)}.`)
  if (largestForeign) {
    const { name, amounts } = largestForeign
    sentences.push(`${inWords(amounts)} held by ${name} (outside LLMAgentOS).`)
  }
  return [...sentences, 'Wait for it, release something, or ask for less.'].join(' ')
}

const WORDS: Record<string, string> = {
  cpuCores: 'CPU cores',
  memoryBytes: 'memory',
  gpu: 'GPU',
  gpuMemoryBytes: 'GPU memory',
  npu: 'NPU',
  fpga: 'FPGA',
}

/** `2 CPU cores and 4.29 GB of memory`. */
function inWords(amounts: ResourceVector): string {
  const parts = namedAmounts(amounts).map(([name, amount]) => {
    const word = WORDS[name] ?? name.replace('custom.', '')
    return name.endsWith('Bytes')
      ? `${formatBytes(amount)} of ${word}`
      : `${Number(amount.toFixed(3))} ${word}`
  })
  return parts.length < 2 ? (parts[0] ?? 'nothing') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

/** No set of this machine's devices could ever hold it. */
export function impossible(missing: Quanta, hints: PlaceHints): AppError {
  const how = hintsInWords(hints)
  return new AppError(
    'core.impossible',
    `No device of this machine could ever give this${how && ` ${how}`}: ${inWords(toVector(missing))} more would be needed. Ask for less, ${how && 'leave the placement open, '}or declare a device that has it.`,
    { missing: toVector(missing) },
  )
}

/** @param keptFor who goes first, where room is kept */
export function unavailable(
  missing: Quanta,
  { need, hints, keptFor }: { need: Quanta; hints: PlaceHints; keptFor: Claim | undefined },
  ledger: Ledger,
  nowMs: number,
): Unavailable {
  const holding = holdersOf(missing, ledger)
  // Nobody knows when who goes first has had it.
  const estimateMs = keptFor ? null : estimate(need, hints, ledger, nowMs)
  const foreign: Quanta = new Map()
  for (const { id } of ledger.emptySpaces()) {
    for (const [name, quantum] of ledger.foreign(id))
      if (missing.has(name)) addQuanta(foreign, new Map([[name, quantum]]))
  }
  const named = holding.slice(0, MOST_HOLDERS)
  const largestForeign = largestOutside(missing, foreign, ledger)
  return new Unavailable({
    missing: toVector(missing),
    holders: named.map(({ lease: { id, holder, purpose, expiresAt }, amounts }) => ({
      lease: id,
      holder,
      purpose,
      amounts: toVector(amounts),
      expiresAt,
    })),
    moreHolders: holding.length - named.length,
    estimateMs,
    ...(keptFor && { keptFor: { holder: keptFor.holder, purpose: keptFor.purpose } }),
    ...(foreign.size > 0 && { foreign: toVector(foreign) }),
    ...(largestForeign && { largestForeign }),
  })
}

/** Where one alone holds enough of what is missing. */
function largestOutside(
  missing: Quanta,
  foreign: Quanta,
  ledger: Ledger,
): Contention['largestForeign'] | null {
  for (const name of ['cpuCores', 'memoryBytes', 'gpu', 'gpuMemoryBytes'] as const) {
    const lack = missing.get(name)
    if (!lack || (foreign.get(name) ?? 0) < lack) continue
    const isGpu = name.startsWith('gpu')
    const amountOf = (holder: ForeignHolder) => toQuantum(name, holder[name] ?? 0)
    const [largest] = ledger
      .foreignHolders()
      .filter((holder) => (holder.gpuMemoryBytes !== undefined) === isGpu)
      .sort((a, b) => amountOf(b) - amountOf(a))
    if (largest) return { name: largest.name, amounts: { [name]: largest[name] ?? 0 } }
  }
  return null
}

/** Null when the principal may hold `need` beside what it holds. */
export function overQuota(
  need: Quanta,
  held: Quanta,
  limit: ResourceVector | undefined,
  principal: string,
): { error: AppError; ever: boolean } | null {
  if (!limit) return null
  const over: Quanta = new Map()
  let ever = false
  for (const [name, amount] of namedAmounts(limit)) {
    const asked = need.get(name) ?? 0
    if (asked === 0) continue
    const most = toQuantum(name, amount)
    const excess = (held.get(name) ?? 0) + asked - most
    if (excess > 0) over.set(name, excess)
    if (asked > most) ever = true
  }
  if (over.size === 0) return null
  const error = new AppError(
    'core.quota_exceeded',
    `${principal} may not hold so much: ${inWords(toVector(over))} over its quota. Release a lease, ask for less, or have the quota raised.`,
    { principal, limit, held: toVector(held), exceeded: toVector(over) },
  )
  return { error, ever }
}

/** Leases with some of what is missing, those with the most first. */
function holdersOf(missing: Quanta, ledger: Ledger): { lease: HeldLease['lease']; amounts: Quanta }[] {
  const holders: { lease: HeldLease['lease']; amounts: Quanta; share: number }[] = []
  for (const { lease, need } of ledger.leases()) {
    const amounts: Quanta = new Map()
    let share = 0
    for (const [name, lack] of missing) {
      const held = need.get(name)
      if (!held) continue
      amounts.set(name, held)
      share += held / lack
    }
    if (amounts.size > 0) holders.push({ lease, amounts, share })
  }
  return holders.sort((a, b) => b.share - a.share)
}

/** When enough leases will have expired, if none is renewed; null when that alone does not free enough. */
function estimate(need: Quanta, hints: PlaceHints, ledger: Ledger, nowMs: number): number | null {
  const devices = ledger.freeDevices([])
  const byId = new Map<string, FreeDevice>(devices.map((device) => [device.id, device]))
  const wanted = toVector(need)
  const ending = [...ledger.leases()]
    .filter((held): held is HeldLease & { expiresAtMs: number } => held.expiresAtMs !== null)
    .sort((a, b) => a.expiresAtMs - b.expiresAtMs)
    .slice(0, 200)
  for (const held of ending) {
    for (const [id, amounts] of held.shares) {
      const device = byId.get(id)
      if (device) giveBackTo(device, toVector(amounts))
    }
    if (!('missing' in place(wanted, devices, hints))) return Math.max(0, held.expiresAtMs - nowMs)
  }
  return null
}
