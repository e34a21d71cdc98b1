import { ERROR_STATUS, type ErrorCode } from './errors'

/** What is found in files beside what the codes of errors say. */
const NOTES = [
  'storage.custom_layers',
  'storage.custom_operators',
  'storage.left_out',
  'storage.more_findings',
  'storage.no_graph',
  'storage.no_runtime',
  'storage.no_signature',
  'storage.no_tensors',
  'storage.open_shape',
  'storage.partly_searched',
  'storage.pickle',
  'storage.reads_assets',
  'storage.unsupported_type',
  'plugin.entry',
  'plugin.id',
  'plugin.manifest',
  'plugin.no_sandbox',
  'plugin.reads',
  'plugin.taken',
  'plugin.too_large',
  'plugin.unreadable',
  'plugin.unsafe',
] as const

export type FindingCode = ErrorCode | (typeof NOTES)[number]

/** The closed vocabulary of findings; one that refuses an import has the code of its error. */
export const FINDING_CODES: readonly FindingCode[] = [...(Object.keys(ERROR_STATUS) as ErrorCode[]), ...NOTES]
