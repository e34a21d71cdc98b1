import type { ModelVersion } from '@shared/contract'
import { formatBytes } from '@shared/domain/units'
import { FORMAT_NAMES, metadataNumber } from './about'
import { growthText, specText } from './diff-words'

/** What is new in a version at a glance: a key under `models.changes` and what it names. */
export interface VersionChange {
  key: 'format' | 'signature' | 'parameters' | 'size' | 'sameSize'
  values: Record<string, string | number>
}

function signatureText({ signature }: ModelVersion): string {
  const side = (specs: ModelVersion['signature']['inputs']) =>
    specs
      .map((spec) => `${spec.name} ${specText(spec)}`)
      .sort()
      .join()
  return `${side(signature.inputs)} > ${side(signature.outputs)}`
}

/** Against the version before, the weightiest first; empty for the first version. Pure. */
export function changesSince(before: ModelVersion | undefined, version: ModelVersion): VersionChange[] {
  if (!before) return []
  const changes: VersionChange[] = []
  const add = (key: VersionChange['key'], values: VersionChange['values'] = {}) =>
    changes.push({ key, values })
  if (before.format !== version.format)
    add('format', { from: FORMAT_NAMES[before.format], to: FORMAT_NAMES[version.format] })
  if (signatureText(before) !== signatureText(version)) add('signature')
  const [had, has] = [metadataNumber(before, 'parameters'), metadataNumber(version, 'parameters')]
  const growth = had === null || has === null ? null : growthText(had, has)
  if (growth !== null) add('parameters', { growth })
  const bytes = version.sizeBytes - before.sizeBytes
  if (bytes === 0) add('sameSize')
  else {
    const amount = `${bytes > 0 ? '+' : '−'}${formatBytes(Math.abs(bytes))}`
    add('size', { amount })
  }
  return changes
}
