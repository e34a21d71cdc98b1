import type { Finding, ModelVersion } from '../../../shared/contract'
import type { Signature } from '../../../shared/domain/tensor'
import type { SourceFile } from './source'

/** A model without its weights, as every format's reader describes it. */
export interface ModelDescription {
  signature: Signature
  metadata: ModelVersion['metadata']
  findings: Finding[]
  /** Files beside the first one that belong to the model. */
  companions: SourceFile[]
}

/** The ten most frequent, as `Conv 12`. */
export function topCounts(counts: Map<string, number>): string[] {
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  return sorted.slice(0, 10).map(([name, count]) => `${name} ${count}`)
}
