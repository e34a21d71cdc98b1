import type { Placement } from '../../shared/contract'
import type { PlaceHints } from '../../shared/domain/place-hints'
import { AppError } from '../../shared/errors'
import { honours } from './hints'
import type { Shares, Space } from './place'
import { addQuanta, lackOf, type Quanta, toQuanta } from './quanta'

const UNIT = 1_000_000

/**
 * A placement that somebody planned earlier: does it give what is needed, in a form that may be granted, and is it
 * still free?
 * @throws AppError `system.invalid` when it is not a placement of this need
 */
export function checkPlacement(
  placement: Placement,
  need: Quanta,
  spaces: readonly Space[],
  hints: PlaceHints,
): { shares: Shares } | { missing: Quanta } {
  const shares: Shares = new Map()
  const total: Quanta = new Map()
  for (const { device, amounts } of placement) {
    const quanta = toQuanta(amounts)
    if (shares.has(device)) throw invalid(`${device} is named twice`)
    shares.set(device, quanta)
    addQuanta(total, quanta)
  }
  if (lackOf(need, total).size > 0 || lackOf(total, need).size > 0)
    throw invalid('its amounts do not add up to the need')
  for (const name of ['cpuCores', 'memoryBytes']) {
    if (holders(shares, name).length > 1) throw invalid(`${name} must lie on one device`)
  }
  for (const name of ['gpu', 'npu', 'fpga']) {
    const fractions = holders(shares, name).filter((quantum) => quantum % UNIT !== 0)
    const whole = (need.get(name) ?? 0) % UNIT === 0 || (need.get(name) ?? 0) > UNIT
    if (fractions.length > (whole ? 1 : 0) && holders(shares, name).length > 1) {
      throw invalid(`a fraction of ${name} must lie on one device`)
    }
  }

  if (!honours(shares, hints, spaces)) throw invalid('it does not lie as asked for')

  const missing: Quanta = new Map()
  for (const [device, quanta] of shares) {
    const free = spaces.find((space) => space.id === device)?.free ?? new Map<string, number>()
    addQuanta(missing, lackOf(quanta, free))
  }
  return missing.size > 0 ? { missing } : { shares }
}

function holders(shares: Shares, name: string): number[] {
  return [...shares.values()].flatMap((quanta) => quanta.get(name) ?? [])
}

function invalid(why: string): AppError {
  return new AppError('system.invalid', `This placement cannot be granted: ${why}.`, { field: 'placement' })
}
