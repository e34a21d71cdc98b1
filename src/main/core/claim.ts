import type { PrincipalId } from '../../shared/domain/ids'
import type { Shares } from './place'
import type { Quanta } from './quanta'

/** Room that is kept for one who waits: what others of a lower rank may use lies beside it. */
export interface Claim {
  shares: Shares
  /** Of who waits, as `rankOf`. */
  rank: number
  /** What it waits for the room for. */
  purpose: string
  holder: PrincipalId
  /** Who waits plans by itself, around what it keeps: it binds no lease whose placement was planned. */
  isPlanned: boolean
  /** Leases granted since the room is kept. Older ones need no counting: they end before the request is granted. */
  since: Set<string>
  used: Map<string, Quanta>
}

export function claimOf(given: Pick<Claim, 'shares' | 'rank' | 'purpose' | 'holder' | 'isPlanned'>): Claim {
  return { ...given, since: new Set(), used: new Map() }
}
