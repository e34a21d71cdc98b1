import type { Finding, ModelFormat, ModelVersion, TensorInfo } from '../../../../shared/contract'
import type { Signature } from '../../../../shared/domain/tensor'
import type { FileBytes } from '../file-bytes'
import type { SourceFile } from '../source'

/** The files around the one that is read. */
export interface Surroundings {
  /** Every file of the folder or upload; empty when one file was given: then only what it names may be looked for. */
  readonly files: readonly SourceFile[]
  /** @param path checked by `assertSafePath` @throws Rejection when it is not there or no regular file */
  find(path: string): SourceFile
}

/** A model without its weights, as every format's reader describes it. */
export interface ModelDescription {
  format: ModelFormat
  framework: string
  /** Without inputs and outputs where the format has no graph. */
  signature: Signature
  /** `parameters`, `precision`, `license`, `producer`, ... as far as the file tells. */
  metadata: ModelVersion['metadata']
  /** The weights by name, where the format names them. */
  tensors: TensorInfo[]
  findings: Finding[]
  /** Files beside the first one that belong to the model. */
  companions: SourceFile[]
  /** What the file calls itself: a hint for the model's name. */
  title?: string
}

/** `broken`: the bytes begin as this format but are damaged. */
export type Recognition = 'yes' | 'broken' | 'no'

/** Recognises and reads one family of formats. It never executes or loads the model, and never trusts a number of it. */
export interface ModelReader {
  /** As it stands in a sentence that lists what can be imported. */
  readonly label: string
  /** By content alone; reads little. The name and extension of a file say nothing. */
  recognise(bytes: FileBytes): Recognition
  /**
   * Of several files of a folder that this reader recognised, the one that a runtime opens first: an index of shards, the
   * first shard. Without it, or with null, several files are several models.
   */
  first?(files: readonly SourceFile[]): SourceFile | null
  /** Memory is bounded by the process it runs in. @throws Rejection for anything malformed, incomplete or unsafe */
  read(bytes: FileBytes, surroundings: Surroundings): ModelDescription | Promise<ModelDescription>
}

/** The ten most frequent, as `Conv 12`. */
export function topCounts(counts: Map<string, number>): string[] {
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  return sorted.slice(0, 10).map(([name, count]) => `${name} ${count}`)
}
