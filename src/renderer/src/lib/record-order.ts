import type { AuditRecord } from '../../../shared/contract'

/** The number in `audit-41`, by which records are in order even where a clock was set back; null for other ids. */
function sequenceOf(id: string): number | null {
  const digits = /^audit-(\d{1,15})$/.exec(id)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** Newest first. */
export function compareRecords(a: AuditRecord, b: AuditRecord): number {
  const [first, second] = [sequenceOf(a.id), sequenceOf(b.id)]
  if (first !== null && second !== null) return second - first
  return a.at < b.at ? 1 : a.at > b.at ? -1 : 0
}
