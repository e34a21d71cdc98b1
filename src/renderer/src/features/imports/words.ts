import type { Finding, Import, ModelSummary } from '@shared/contract'
import { pathTo } from '../../lib/router'
import { codedWords } from '../../lib/words'

export function isActive({ state }: Import): boolean {
  return state === 'running' || state === 'waiting'
}

/** Why an import ended badly, in the words of its findings. */
export function reasonOf(item: Import): string {
  const rejecting = item.findings.filter(({ severity }) => severity === 'reject')
  return [...rejecting, ...(rejecting.length === 0 && item.error ? [item.error] : [])]
    .map((coded) => codedWords(coded))
    .join(' ')
}

/** What a completed import became, and where it is shown; null for one that became nothing. */
export function landing(item: Import): { name: string; version: number; to: string } | null {
  if (item.state !== 'completed' || item.version === null) return null
  const { model, dataset, version } = item
  if (model !== null) return { name: model, version, to: pathTo('models', model, version) }
  return dataset === null ? null : { name: dataset, version, to: pathTo('data', dataset, version) }
}

const SEVERITIES = ['reject', 'warn', 'info'] as const

/** The gravest first, otherwise in the order in which they were found. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  return SEVERITIES.flatMap((severity) => findings.filter((finding) => finding.severity === severity))
}

/** What a version would be, under the name that is typed. */
export interface Becoming {
  kind: 'known' | 'new'
  version: number
}

/** Null where that is not for this person to know. @param model what the window knows of the model or data set of that name */
export function becomes(
  name: string,
  suggestion: NonNullable<Import['suggestion']>,
  model: Pick<ModelSummary, 'versions' | 'latest'> | undefined,
): Becoming | null {
  const same = suggestion.knownAs.find((known) => known.model === name)
  if (same) return { kind: 'known', version: same.version }
  if (name !== suggestion.name) return { kind: 'new', version: model ? model.latest + 1 : 1 }
  const { version } = suggestion
  if (version === null) return null
  if (!model) return { kind: 'new', version }
  return { kind: model.versions.includes(version) ? 'known' : 'new', version }
}

/** Where else the same bytes are, as `name@version`, apart from the name that is typed. */
export function knownElsewhere(name: string, suggestion: NonNullable<Import['suggestion']>): string | null {
  const others = suggestion.knownAs.filter(({ model }) => model !== name)
  return others.length === 0 ? null : others.map(({ model, version }) => `${model}@${version}`).join(', ')
}

/** Advice for who wants the thing in: keys under `imports:help`. */
export type Help =
  | 'source'
  | 'safetensors'
  | 'convert'
  | 'download'
  | 'files'
  | 'formats'
  | 'space'
  | 'network'

const HELP_BY_CODE: Record<string, readonly Help[]> = {
  'storage.unsafe': ['source', 'safetensors'],
  'storage.pickle': ['source', 'safetensors'],
  'storage.custom_layers': ['convert'],
  'storage.custom_operators': ['convert'],
  'storage.corrupt': ['download'],
  'storage.incomplete': ['download', 'files'],
  'storage.unreadable': ['download', 'formats'],
  'storage.unknown_format': ['formats', 'files'],
  'storage.disk_full': ['space'],
  'storage.hub_unreachable': ['network'],
}

/** What would help with an import that was refused, failed or warns; nothing twice. */
export function helpFor(item: Import): Help[] {
  const codes: string[] = item.findings.filter(({ severity }) => severity !== 'info').map(({ code }) => code)
  if (item.error) codes.push(item.error.code)
  return [...new Set(codes.flatMap((code) => HELP_BY_CODE[code] ?? []))]
}
