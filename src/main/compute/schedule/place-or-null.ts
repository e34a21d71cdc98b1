import { place } from '../../core'
import type { Place } from './space'

/** Core's placement, as planners ask for it. */
export const placeOrNull: Place = (need, devices, hints) => {
  const found = place(need, [...devices], hints)
  return 'missing' in found ? null : found
}
