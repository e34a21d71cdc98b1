import type { Readable } from 'node:stream'
import type {
  Alias,
  AliasChange,
  CanaryPlan,
  Cell,
  DatasetSummary,
  DatasetVersion,
  Import,
  LineageGraph,
  MadeFrom,
  Model,
  ModelDiff,
  ModelFile,
  ModelFormat,
  ModelSummary,
  ModelVersion,
  RowPage,
  StorageQuota,
  StorageTask,
  StorageUsage,
  TensorInfo,
  VersionBenchmark,
  VersionPolicy,
} from '../../shared/contract'
import type { Digest, ImportId, JobId, PrincipalId } from '../../shared/domain/ids'
import type { Signature } from '../../shared/domain/tensor'
import type { Pieces } from '../../shared/domain/tensor-codec'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Disposable, Event } from '../platform/events'
import type { Logger } from '../platform/logger'
import type { ObservedRun } from './aliases'
import type { VersionArchive } from './export'
import type { Sees } from './origins'
import type { NotesChange } from './version-facts'

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
  /**
   * Each file with the absolute path of its blob: read only, never to be changed. The one a runtime opens is the first;
   * those of the version whose graph bare weights run in follow under `architecture/`.
   */
  files: (ModelFile & { absolutePath: string })[]
  /** Weights for which nobody has named the version whose graph they run in. */
  isBare: boolean
}

/** Bytes that are safely stored (or small enough to lie in the row) and wait to be attached to a job. */
export interface StagedArtifact {
  digest: Digest | null
  inline: Uint8Array | null
  sizeBytes: number
}

/** What jobs leave behind and take in: inputs, results, checkpoints, logs. Small ones live in the row, large ones as blobs. */
export interface Artifacts {
  /**
   * Bytes first: when it resolves the bytes are durable, or small enough (64 KiB) to become durable with the row.
   * @param content in one piece or in several
   */
  stage(content: Uint8Array | Pieces): Promise<StagedArtifact>
  /** Row last: synchronous, within the caller's transaction. Replaces an artifact of the same job and name. */
  attach(staged: StagedArtifact, job: JobId, name: string): void
  read(job: JobId, name: string): Promise<Uint8Array | null>
  /**
   * Gives another job the same artifact; its bytes are stored once. Synchronous, within the caller's transaction.
   * @throws AppError `storage.corrupt` when its bytes are missing
   */
  copy(from: JobId, to: JobId, name: string): void
  /** Names in alphabetical order. */
  list(job: JobId): string[]
  /**
   * Forgets artifacts; their bytes go with the next collection. Synchronous, within the caller's transaction.
   * @param name of the one; default: all of the job @returns how many there were
   */
  remove(job: JobId, name?: string): number
}

interface ImportOptions {
  name?: string | undefined
  /** The number of the new version; default: the next. */
  version?: number | undefined
  /** Wait for a confirmation in any case. */
  review?: boolean | undefined
  /** `name@version` of what is here. */
  madeFrom?: MadeFrom | undefined
  /** The key of the call that begins it, whose limits hold for what it adds to and for what a manifest names. */
  key?: string | null | undefined
}

/** Who brings a version. */
export interface Bringer {
  principal: PrincipalId
  key: string | null
}

/** A source that an import can be taken up from after a restart. */
export type ResumableSource = ImportOptions &
  (
    | { kind: 'path'; path: string }
    /** A repository of the Hugging Face Hub. `files`: paths or `*` patterns; default: what one model needs. */
    | { kind: 'hub'; repository: string; files?: string[] | undefined }
  )

export type ImportSource =
  | ResumableSource
  /** Files already on their way: an upload. Paths are relative with forward slashes and are checked. */
  | (ImportOptions & {
      kind: 'upload'
      files: AsyncIterable<{ path: string; content: Readable }>
      bytesTotal: number
    })

/** What a person would rather have an import called, and what they say it was made from beside what is known. */
export interface ConfirmedAs {
  name?: string | undefined
  /** Default: the one that was asked for when it began, as long as the name stays; else the next. */
  version?: number | undefined
  family?: string | null | undefined
  madeFrom?: MadeFrom | undefined
}

/** Models under version control: import -> version -> use. */
export interface Storage extends Disposable {
  /** Removes what a crash left half-done. Interrupted imports begin again where their source is there, else they fail. */
  start(): Promise<void>

  /**
   * Begins an import and returns at once.
   * @throws AppError `storage.not_found` for a path that is not there, `network.rate_limited` for one of too many at once
   */
  startImport(source: ImportSource, by: PrincipalId): Promise<Import>
  getImport(id: string): Import
  /** Resolves when an import runs no more. */
  importEnd(id: string): Promise<void>
  /** Newest first. */
  listImports(): Import[]
  cancelImport(id: ImportId): Promise<Import>
  /** @param by who confirms: what has the name may be managed by them */
  confirmImport(id: ImportId, change?: ConfirmedAs, by?: Bringer): Promise<Import>

  /** Whether there is, or was, a model or data set of that name, so that an import adds to it. */
  isTaken(kind: 'model' | 'dataset', name: string): boolean

  listModels(): ModelSummary[]
  getModel(name: string): Model
  getVersion(name: string, version: number): ModelVersion
  /** @param reference `name@version` or `name@alias` @throws AppError `storage.not_found` saying which part is missing */
  resolve(reference: string): ResolvedVersion
  /** The numbers that requests for a reference may get now: the stable version, and its canary. @throws AppError as {@link resolve} */
  meanings(reference: string): number[]
  /** As {@link resolve}, for one request: a split alias means its canary for the canary's share of them. */
  route(reference: string): ResolvedVersion
  /** Counts how a request to a split alias went; a canary beyond its bounds is rolled back. In the caller's transaction. */
  observeRun(run: ObservedRun): void
  setAlias(name: string, alias: string, version: number, by: PrincipalId, reason?: string): Alias
  /** To where the alias pointed before its last move. @throws AppError `storage.conflict` */
  rollBack(name: string, alias: string, by: PrincipalId, reason?: string): Alias
  /** @throws AppError `storage.conflict` when the signatures do not fit */
  setCanary(name: string, alias: string, plan: CanaryPlan | null, by: PrincipalId, reason?: string): Alias
  promoteCanary(name: string, alias: string, by: PrincipalId): Alias
  updateModel(
    name: string,
    change: { family?: string | null | undefined; policy?: VersionPolicy | undefined },
  ): Model
  annotate(name: string, version: number, change: NotesChange): ModelVersion
  tensors(name: string, version: number): TensorInfo[]
  /** Within the caller's transaction. */
  recordBenchmark(model: string, benchmark: VersionBenchmark): void
  benchmarks(name: string): VersionBenchmark[]
  /** What its versions came from and what came from them, as far as its reader sees. */
  lineage(name: string, sees: Sees): LineageGraph
  /** Whether the model's policy keeps this version loaded. */
  staysWarm(name: string, version: number): boolean
  removeAlias(name: string, alias: string, by: PrincipalId): void
  /** Newest first, at most 1,000. */
  aliasHistory(name: string): AliasChange[]
  /**
   * @param sees what of others the refusal may name; default: everything
   * @throws AppError `storage.in_use` naming the aliases, what was made from it, or what {@link StorageDeps.usersOf} says
   */
  removeVersion(name: string, version: number, sees?: Sees): void
  diff(name: string, from: number, to: number): ModelDiff
  /** One file of a version. @throws AppError `storage.not_found` */
  getFile(kind: 'model' | 'dataset', name: string, version: number, path: string): ModelFile
  /** The caller reads `content` or destroys it. @param range inclusive byte offsets */
  openFile(
    kind: 'model' | 'dataset',
    name: string,
    version: number,
    path: string,
    range?: { start: number; end: number },
  ): { file: ModelFile; content: Readable }

  /** A version as one file with a manifest, which imports as the same version elsewhere; it names what its reader sees. */
  exportVersion(kind: 'model' | 'dataset', name: string, version: number, sees: Sees): VersionArchive

  /** By name. */
  listDatasets(): DatasetSummary[]
  getDataset(name: string): DatasetSummary
  getDatasetVersion(name: string, version: number): DatasetVersion
  /** @param reference `name@version` or `name@latest` @throws AppError `storage.not_found` */
  resolveDataset(reference: string): { name: string; version: number }
  /** @param sees as of {@link removeVersion} @throws AppError `storage.in_use` naming what was made from it */
  removeDatasetVersion(name: string, version: number, sees?: Sees): void
  datasetLineage(name: string, sees: Sees): LineageGraph
  /**
   * Fewer than `limit` where they are large; texts of tables as the types of their columns say.
   * @param signal of a reader who no longer waits for their turn
   */
  datasetRows(
    name: string,
    version: number,
    range: { offset: number; limit: number; tensors?: 'whole' | 'short' },
    signal?: AbortSignal,
  ): Promise<RowPage>
  /** The same with all of their texts and tensors, however long; at least one row, unless there is none. */
  datasetRecords(
    name: string,
    version: number,
    range: { offset: number; limit: number },
  ): Promise<{ total: number; items: Record<string, Cell>[] }>
  /** @throws AppError `network.too_large` beyond 8 MiB, `storage.not_found` for what is no image of it */
  datasetImage(name: string, version: number, path: string): Promise<{ mediaType: string; base64: string }>

  readonly artifacts: Artifacts
  usage(): Promise<StorageUsage>
  getQuota(principal: string): StorageQuota
  /** @param limitBytes null: as much as the disk holds. What is there already stays. */
  setQuota(principal: string, limitBytes: number | null): StorageQuota
  /** Checks every digest, or joins the check that goes on. Returns at once. */
  verify(by: PrincipalId): StorageTask
  /** Frees what nothing names, and versions that no policy keeps. Returns at once. */
  gc(by: PrincipalId): StorageTask
  /** Newest first. */
  tasks(): StorageTask[]
  /** @throws AppError `storage.not_found` */
  task(id: string): StorageTask
  /** The task when it has ended, or as it is after `waitMs`. */
  taskEnd(id: string, waitMs: number, signal?: AbortSignal): Promise<StorageTask>
  cancelTask(id: string): Promise<StorageTask>

  readonly onDidChangeModels: Event<{ changed: ModelSummary[]; removed: string[] }>
  readonly onDidChangeDatasets: Event<{ changed: DatasetSummary[]; removed: string[] }>
  readonly onDidChangeTasks: Event<{ changed: StorageTask[]; removed: string[] }>
  readonly onDidChangeImports: Event<{ changed: Import[]; removed: string[] }>
}

export interface StorageDeps {
  dataDir: string
  database: Database
  clock: Clock
  logger: Logger
  /** The built entry that reads model files in a process of its own, for example `out/main/workers/inspect.cjs`. */
  inspectWorkerEntry: string
  /** Where repositories lie that are named without an address, for example `https://huggingface.co`. */
  hubUrl(): string
  /**
   * Whether who brings a version with a manifest may name another version in it, `name@version`: as what it was made from,
   * or as its architecture.
   */
  mayName(by: Bringer, as: 'model' | 'dataset' | 'architecture', reference: string): boolean
  /** @throws AppError `security.denied` when who brings a version may not manage the model or data set that is there already */
  assertMayManage(by: Bringer, kind: 'model' | 'dataset', name: string): void
  /** Unfinished jobs that need a version, as words for the refusal; empty when it may go. */
  usersOf(model: string, version: number): string[]
}

export type { Sees } from './origins'
export { storageMigrations } from './schema'
export { createStorage } from './storage'
