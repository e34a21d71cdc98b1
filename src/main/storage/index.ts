import type { Readable } from 'node:stream'
import type {
  Alias,
  AliasChange,
  Import,
  Model,
  ModelDiff,
  ModelFile,
  ModelFormat,
  ModelSummary,
  ModelVersion,
  StorageUsage,
} from '../../shared/contract'
import type { Digest, ImportId, JobId, PrincipalId } from '../../shared/domain/ids'
import type { Signature } from '../../shared/domain/tensor'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Disposable, Event } from '../platform/events'
import type { Logger } from '../platform/logger'

/** A version that a reference meant, ready for a runtime. */
export interface ResolvedVersion {
  model: string
  version: number
  alias: string | null
  digest: Digest
  format: ModelFormat
  sizeBytes: number
  signature: Signature
  metadata: ModelVersion['metadata']
  /** Each file with the absolute path of its blob: read only, never to be changed. The one a runtime opens is the first. */
  files: (ModelFile & { absolutePath: string })[]
}

/** Bytes that are safely stored (or small enough to lie in the row) and wait to be attached to a job. */
export interface StagedArtifact {
  digest: Digest | null
  inline: Uint8Array | null
  sizeBytes: number
}

/** What jobs leave behind and take in: inputs, results, checkpoints, logs. Small ones live in the row, large ones as blobs. */
export interface Artifacts {
  /** Bytes first: when it resolves the bytes are durable, or small enough (64 KiB) to become durable with the row. */
  stage(bytes: Uint8Array): Promise<StagedArtifact>
  /** Row last: synchronous, within the caller's transaction. Replaces an artifact of the same job and name. */
  attach(staged: StagedArtifact, job: JobId, name: string): void
  read(job: JobId, name: string): Promise<Uint8Array | null>
  /** Names in alphabetical order. */
  list(job: JobId): string[]
  /** Forgets an artifact; its bytes go with the next collection. Synchronous, within the caller's transaction. */
  remove(job: JobId, name: string): void
}

export type ImportSource =
  | { kind: 'path'; path: string; name?: string | undefined }
  /** Files already on their way: an upload. Paths are relative with forward slashes and are checked. */
  | {
      kind: 'upload'
      files: AsyncIterable<{ path: string; content: Readable }>
      bytesTotal: number
      name?: string | undefined
    }

/** Models under version control: import -> version -> use. */
export interface Storage extends Disposable {
  /** Removes what a crash left half-done: temporary files; running imports become `failed`. */
  start(): Promise<void>

  /** Begins an import and returns at once. @throws AppError `storage.not_found` for a path that is not there */
  startImport(source: ImportSource, by: PrincipalId): Promise<Import>
  getImport(id: string): Import
  /** Newest first. */
  listImports(): Import[]
  cancelImport(id: ImportId): Promise<Import>
  confirmImport(id: ImportId): Promise<Import>

  listModels(): ModelSummary[]
  getModel(name: string): Model
  listVersions(name: string): ModelVersion[]
  getVersion(name: string, version: number): ModelVersion
  /** @param reference `name@version` or `name@alias` @throws AppError `storage.not_found` saying which part is missing */
  resolve(reference: string): ResolvedVersion
  setAlias(name: string, alias: string, version: number, by: PrincipalId): Alias
  removeAlias(name: string, alias: string, by: PrincipalId): void
  aliasHistory(name: string): AliasChange[]
  /** @throws AppError `storage.in_use` naming the aliases, or what {@link StorageDeps.usersOf} says */
  removeVersion(name: string, version: number): void
  diff(name: string, from: number, to: number): ModelDiff
  /** The caller reads `content` or destroys it. @param range inclusive byte offsets */
  openFile(
    name: string,
    version: number,
    path: string,
    range?: { start: number; end: number },
  ): { file: ModelFile; content: Readable }

  readonly artifacts: Artifacts
  usage(): Promise<StorageUsage>
  verify(
    signal?: AbortSignal,
  ): Promise<{ checked: number; checkedBytes: number; damaged: string[]; missing: string[] }>
  gc(): Promise<{ removed: number; freedBytes: number }>

  readonly onDidChangeModels: Event<{ changed: ModelSummary[]; removed: string[] }>
  readonly onDidChangeImports: Event<{ changed: Import[]; removed: string[] }>
}

export interface StorageDeps {
  dataDir: string
  database: Database
  clock: Clock
  logger: Logger
  /** The built entry that reads model files in a process of its own, for example `out/main/workers/inspect.cjs`. */
  inspectWorkerEntry: string
  /** Unfinished jobs that need a version, as words for the refusal; empty when it may go. */
  usersOf(model: string, version: number): string[]
}

export { storageMigrations } from './schema'
export { createStorage } from './storage'
