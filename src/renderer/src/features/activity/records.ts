import type { AuditRecord } from '@shared/contract'
import { compareRecords } from '../../lib/record-order'

/** What a list of records is narrowed to; the first two are asked of the system, the others of what is loaded. */
export interface RecordFilter {
  decision: 'allow' | 'deny' | null
  principal: string | null
  action: string | null
  text: string
}

export const NO_FILTER: RecordFilter = { decision: null, principal: null, action: null, text: '' }

/** Records of several origins as one list: newest first, none twice. */
export function mergeRecords(...lists: Iterable<AuditRecord>[]): AuditRecord[] {
  const byId = new Map<string, AuditRecord>()
  for (const list of lists) for (const record of list) byId.set(record.id, record)
  return [...byId.values()].sort(compareRecords)
}

/** What is shown; the text is looked for in names, sentences, resources, policies and ids, without regard to case. */
export function filterRecords(records: readonly AuditRecord[], filter: RecordFilter): AuditRecord[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean)
  return records.filter((record) => {
    if (filter.decision !== null && record.decision !== filter.decision) return false
    if (filter.principal !== null && record.principal !== filter.principal) return false
    if (filter.action !== null && record.action !== filter.action) return false
    if (words.length === 0) return true
    const { id, principal, principalName, action, resource, summary, policies } = record
    const text = [id, principal, principalName, action, resource, summary, ...policies]
      .join('\n')
      .toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

/** Holds back what is newer than the record at the top, so that rows keep their place under a reader's eyes. */
export function holdBack(
  records: readonly AuditRecord[],
  topId: string | null,
): { shown: readonly AuditRecord[]; newer: number } {
  const at = topId === null ? 0 : records.findIndex(({ id }) => id === topId)
  return at <= 0 ? { shown: records, newer: 0 } : { shown: records.slice(at), newer: at }
}

/** A summary after its name: `marie saved the policy x` is `saved the policy x` beside `marie`. */
export function sentenceOf(record: Pick<AuditRecord, 'summary' | 'principalName'>): string {
  const { summary, principalName } = record
  return summary.startsWith(`${principalName} `) ? summary.slice(principalName.length + 1) : summary
}

/** Why a denial is one, when no policy forbids it: `nothing` permits it, or the words of the system. */
export function reasonOf(
  record: Pick<AuditRecord, 'summary' | 'action'>,
): { kind: 'nothing' } | { kind: 'words'; words: string } {
  const summary = record.summary.replace(/ \(tried: .*\)$/, '')
  if (summary.endsWith(': no policy permits it')) return { kind: 'nothing' }
  // `NAME was denied ACTION on RESOURCE: REASON`; resources hold no colon with a space.
  const at = summary.indexOf(': ')
  return { kind: 'words', words: at < 0 ? summary : summary.slice(at + 2) }
}
