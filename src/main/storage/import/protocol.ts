import type { DatasetFormat } from '../../../shared/contract'
import type { ErrorView } from '../../../shared/errors'
import type { Profile } from '../datasets/profile'
import type { RowIndex, ShownRow, TableFile } from '../datasets/table'
import type { Inspection } from './inspect'
import type { SourceFile, SourceLocation } from './source'
import type { Transferred } from './transfer'

/** What the system asks of the inspecting process: one JSON object a line on its stdin, one task at a time. */
export type WorkerRequest =
  | { task: 'inspect'; location: SourceLocation; scratch: string }
  | { task: 'copy'; source: SourceFile; to: string }
  | { task: 'hash'; path: string; seal: boolean }
  | { task: 'shards'; path: string }
  | { task: 'profile'; format: DatasetFormat; files: TableFile[] }
  | {
      task: 'rows'
      format: DatasetFormat
      files: TableFile[]
      index: RowIndex | null
      offset: number
      limit: number
      tensors: 'whole' | 'short'
    }

/**
 * What it answers on its stdout: `ready` once, then for each task any number of `progress` and one of the others. After
 * `exceeded` it has ended itself: parsing took more than any real model needs.
 */
export type WorkerReply =
  | { type: 'ready' }
  | {
      type: 'progress'
      bytesDone: number
      bytesTotal?: number | undefined
      unpackedBytes?: number | undefined
    }
  | { type: 'exceeded'; what: 'cpu' | 'memory' }
  | { type: 'result'; result: Inspection | Transferred | string[] | Profile | ShownRow[] }
  | { type: 'error'; error: ErrorView }
