import { AppError } from '../../shared/errors'

/**
 * The number of a new version: the one that was asked for, else the next. Numbers only grow, also past versions that are
 * deleted, so that `NAME@NUMBER` never means other bytes than it once did. Pure.
 * @param next the lowest that was never given
 * @throws AppError `storage.conflict` for one that was given, or is below one that was
 */
export function newNumber(name: string, next: number, wanted: number | null): number {
  if (wanted === null || wanted >= next) return wanted ?? next
  const message = `${name} cannot get a version ${wanted}: it already has had version ${next - 1}. Choose ${next} or greater, or no number.`
  throw new AppError('storage.conflict', message, { name, version: wanted, next })
}
