import { createHash } from 'node:crypto'
import type { Finding, Import, MadeFrom } from '../../../shared/contract'
import type { Digest } from '../../../shared/domain/ids'
import { formatBytes } from '../../../shared/domain/units'
import { AppError } from '../../../shared/errors'
import { diskSpace } from '../../platform/files'
import { type BlobStore, removeFile } from '../blobs'
import type { DatasetCandidate } from '../datasets/datasets'
import type { Profile } from '../datasets/profile'
import type { ArchivedOrigins } from '../export'
import type { HubDownloads } from '../hub'
import type { ImportSource } from '../index'
import { isStopping } from '../stopping'
import type { Candidate } from '../versions'
import type { AnyCandidate } from './candidate'
import type { Inspection } from './inspect'
import { storedDataPath, storedPath, suggestFamily, suggestName } from './name'
import { receive } from './receive'
import { quoted, Rejection } from './rejection'
import type { Slots } from './slots'
import { type SourceFile, type SourceLocation, stateOf } from './source'
import type { FileWorker } from './worker'

/** A file that lies on the blobs' disk, whole and synced. */
interface WholeFile {
  path: string
  absolutePath: string
  digest: string
  sizeBytes: number
}

type Table = Extract<Inspection, { outcome: 'table' }>

/** What the content does not say of a candidate. */
type Asked = 'source' | 'version' | 'madeFrom'

const FROM_NOTHING: MadeFrom = { models: [], datasets: [], job: null }

/** Room that stays for the database and the rest of the machine. */
const RESERVE_BYTES = 32 * 1024 * 1024

/** After so many bytes of an upload it is asked again whether the quota has room for them. */
const ASK_QUOTA_BYTES = 1024 * 1024
/** After so many bytes that come the disk is asked again: nobody may know how many will, and others write to it too. */
const ASK_DISK_BYTES = 16 * 1024 * 1024

export interface TakingDeps {
  blobs: BlobStore
  blobFolder: string
  hub: HubDownloads
  slots: Slots
  /** @throws AppError `storage.quota_exceeded` when who imports may not have so many bytes more */
  assertQuota(bytes: number): void
  /**
   * @throws AppError `security.denied` for a name that is taken and not theirs to add to, `storage.conflict` for a number
   * that no new version of that name can get
   */
  assertVersion(kind: AnyCandidate['kind'], name: string, wanted: number | null): void
  /** What an archive from elsewhere says it was made from, as far as the same bytes are here. */
  originsHere(origins: ArchivedOrigins): MadeFrom
  startWorker(): FileWorker
  /** Where copies lie until they are whole; they stay when the system stops. */
  parts: ReturnType<BlobStore['parts']>
}

/** What one import tells while it goes on. */
export interface TakingHooks {
  onSource(label: string): void
  onInspected(verdict: Import['verdict'], findings: Finding[], bytesTotal: number): void
  onProgress(bytesDone: number, bytesTotal?: number): void
}

/**
 * One import from its source to stored, pinned bytes: receive, inspect, copy. Nothing of it is visible to anybody; whoever
 * holds it disposes it in any case, and releases the pins when the row is written or the bytes are no longer wanted.
 */
export class Taking {
  readonly #deps: TakingDeps
  readonly #signal: AbortSignal
  readonly #hooks: TakingHooks
  readonly #pins = new Map<string, () => void>()
  /** SHA-256 that files must have, by their absolute path, and who says so. */
  readonly #expected = new Map<string, { sha256: string; by: string }>()
  readonly #discards: (() => Promise<void>)[] = []
  #freeSlot: () => void = () => undefined
  /** What was downloaded serves another try, unless it is taken in or refused. */
  #isOfUse = true

  constructor(deps: TakingDeps, signal: AbortSignal, hooks: TakingHooks) {
    this.#deps = deps
    this.#signal = signal
    this.#hooks = hooks
  }

  /** @throws Rejection, AppError, the signal's reason */
  async run(source: ImportSource): Promise<AnyCandidate> {
    try {
      const candidate = await this.#take(source)
      this.#isOfUse = false
      return candidate
    } catch (error) {
      if (rejectionOf(error)) this.#isOfUse = false
      throw error
    }
  }

  async #take(source: ImportSource): Promise<AnyCandidate> {
    const location = await this.#locate(source)
    this.#freeSlot = await this.#deps.slots.take(this.#signal)
    const worker = this.#deps.startWorker()
    this.#discards.unshift(() => worker.dispose())
    const scratch = await this.#temporary()
    const inspection = await worker.inspect(
      location,
      scratch,
      this.#signal,
      (bytesDone, bytesTotal, unpackedBytes) => {
        if (unpackedBytes !== undefined) this.#deps.assertQuota(unpackedBytes)
        this.#hooks.onProgress(bytesDone, bytesTotal)
      },
    )
    if (inspection.outcome === 'rejected') throw new RejectedByInspection(inspection.findings)
    const { files, findings, manifest } = inspection
    const byPath = new Map(files.map((file) => [file.path, file]))
    for (const { path, digest } of manifest?.files ?? []) {
      const file = byPath.get(path)
      if (file) this.#expected.set(file.absolutePath, { sha256: digest, by: 'the manifest' })
    }
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
    const verdict = findings.some((finding) => finding.severity === 'warn') ? 'warn' : 'accept'
    this.#hooks.onInspected(verdict, findings, sizeBytes)
    const isOurs = source.kind !== 'path' || inspection.isOurs === true
    this.#deps.assertQuota(sizeBytes)
    const [first] = files
    const name = source.name ?? manifest?.name ?? suggestedName(inspection, first?.path ?? '')
    const version = source.version ?? null
    this.#deps.assertVersion(inspection.outcome === 'table' ? 'dataset' : 'model', name, version)
    if (!isOurs) await this.#assertRoom(sizeBytes - (await this.#deps.parts.bytes()))
    const whole: WholeFile[] = []
    let bytesBefore = 0
    for (const file of files) {
      const copy = await this.#copy(worker, file, isOurs, bytesBefore)
      whole.push(copy)
      bytesBefore += copy.sizeBytes
    }
    const known =
      inspection.outcome === 'table' ? await this.#profiled(worker, inspection, whole) : inspection
    // Only now: blobs that no row names are collected after a crash, and copies that are whole are gone on with.
    const stored: Candidate['files'] = []
    for (const file of whole) stored.push(await this.#adopt(file))
    const madeFrom = source.madeFrom ?? (manifest ? this.#deps.originsHere(manifest.madeFrom) : FROM_NOTHING)
    const asked = { source: '', version, madeFrom }
    if (known.outcome === 'table') return { ...toDatasetCandidate(known, stored, name), ...asked }
    return { ...toCandidate(known, stored, name), ...asked, key: source.key }
  }

  /** Ends the worker and removes temporary files. When it resolves, nothing writes any more. */
  async close(): Promise<void> {
    try {
      for (const discard of this.#discards.splice(0)) await discard()
      if (!isStopping(this.#signal)) await this.#deps.parts.discard()
    } finally {
      this.#freeSlot()
    }
  }

  /** Lets go of the bytes; what no row names by now may be collected. @returns their digests */
  release(): string[] {
    const digests = [...this.#pins.keys()]
    for (const release of this.#pins.values()) release()
    this.#pins.clear()
    return digests
  }

  async #locate(source: ImportSource): Promise<SourceLocation> {
    if (source.kind === 'path') return { kind: 'path', path: source.path }
    if (source.kind === 'upload') return this.#receive(source)
    return this.#download(source)
  }

  async #download(source: ImportSource & { kind: 'hub' }): Promise<SourceLocation> {
    const watchDisk = this.#diskWatch()
    const { files, close } = await this.#deps.hub.fetch(source, this.#signal, {
      assertRoom: (bytesTotal, bytesToCome) => {
        this.#deps.assertQuota(bytesTotal)
        return this.#assertRoom(bytesToCome)
      },
      onProgress: (bytesDone, bytesTotal) => {
        this.#hooks.onProgress(bytesDone, bytesTotal)
        return watchDisk(bytesDone, bytesTotal)
      },
    })
    this.#discards.push(() => close(this.#isOfUse && (!this.#signal.aborted || isStopping(this.#signal))))
    for (const { absolutePath, sha256 } of files)
      if (sha256) this.#expected.set(absolutePath, { sha256, by: 'the Hub' })
    return { kind: 'files', files }
  }

  async #receive(source: ImportSource & { kind: 'upload' }): Promise<SourceLocation> {
    await this.#assertRoom(source.bytesTotal)
    const folder = await this.#temporary()
    let first = true
    let askedBytes = 0
    const watchDisk = this.#diskWatch()
    const files = await receive(source.files, folder, this.#signal, {
      onFile: (path) => {
        if (first) this.#hooks.onSource(path.split('/')[0] ?? path)
        first = false
      },
      onProgress: (bytesDone) => {
        // Not with each of the small pieces in which it comes.
        if (bytesDone - askedBytes >= ASK_QUOTA_BYTES) {
          askedBytes = bytesDone
          this.#deps.assertQuota(bytesDone)
        }
        this.#hooks.onProgress(bytesDone)
        return watchDisk(bytesDone, source.bytesTotal)
      },
    })
    return { kind: 'files', files }
  }

  async #copy(
    worker: FileWorker,
    file: SourceFile,
    isOurs: boolean,
    bytesBefore: number,
  ): Promise<WholeFile> {
    const at = isOurs ? file.absolutePath : this.#deps.parts.pathOf(stateOf(file))
    const onProgress = (bytesDone: number) => this.#hooks.onProgress(bytesBefore + bytesDone)
    const { digest, sizeBytes } = isOurs
      ? await worker.hash(at, true, this.#signal, onProgress)
      : await worker.copy(file, at, this.#signal, onProgress)
    const expected = this.#expected.get(file.absolutePath)
    if (expected && expected.sha256 !== digest) {
      // What is with it stays for the next try.
      await removeFile(at)
      const message = `${quoted(file.path)} is not what ${expected.by} says: its SHA-256 is another. Get it again.`
      throw new AppError('storage.incomplete', message, {
        file: file.path,
        expected: expected.sha256,
        got: digest,
      })
    }
    this.#hooks.onProgress(bytesBefore + sizeBytes)
    return { path: file.path, absolutePath: at, digest, sizeBytes }
  }

  async #profiled(worker: FileWorker, inspection: Table, files: readonly WholeFile[]) {
    const profile = await worker.profile(inspection.format, files, this.#signal, (bytesDone) =>
      this.#hooks.onProgress(bytesDone),
    )
    return { ...inspection, profile }
  }

  async #adopt({ path, absolutePath, digest, sizeBytes }: WholeFile): Promise<Candidate['files'][number]> {
    if (!this.#pins.has(digest)) this.#pins.set(digest, this.#deps.blobs.pin(digest))
    await this.#deps.blobs.adopt(absolutePath, digest as Digest, sizeBytes)
    this.#signal.throwIfAborted()
    return { path, digest, sizeBytes }
  }

  async #temporary(): Promise<string> {
    const temporary = await this.#deps.blobs.temporary()
    this.#discards.push(temporary.discard)
    return temporary.path
  }

  /** To be told how many bytes have come, of how many as far as is known, and waited for. */
  #diskWatch(): (bytesDone: number, bytesTotal: number) => Promise<void> | undefined {
    let askedBytes = 0
    return (bytesDone, bytesTotal) => {
      if (bytesDone - askedBytes < ASK_DISK_BYTES) return undefined
      askedBytes = bytesDone
      const bytesToCome = bytesDone <= bytesTotal ? bytesTotal - bytesDone : ASK_DISK_BYTES
      return this.#assertRoom(Math.min(ASK_DISK_BYTES, bytesToCome))
    }
  }

  /** @throws AppError `storage.disk_full` */
  async #assertRoom(bytes: number): Promise<void> {
    const { freeBytes } = await diskSpace(this.#deps.blobFolder)
    if (bytes === 0 || freeBytes >= bytes + RESERVE_BYTES) return
    const message = `The import needs ${formatBytes(bytes)} more, but the disk of the data folder has only ${formatBytes(freeBytes)} free. Free some space and import it again.`
    throw new AppError('storage.disk_full', message, { neededBytes: bytes, freeBytes })
  }
}

/** A {@link Rejection} that the inspecting process has found. */
export class RejectedByInspection extends Error {
  override readonly name = 'RejectedByInspection'
  readonly findings: Finding[]

  constructor(findings: Finding[]) {
    super('The source was rejected.')
    this.findings = findings
  }
}

/** The findings of a rejection, wherever it was found; null for another error. */
export function rejectionOf(error: unknown): Finding[] | null {
  if (error instanceof RejectedByInspection) return error.findings
  return error instanceof Rejection ? [error.toFinding()] : null
}

/** @param path of the first file */
function suggestedName(inspection: Exclude<Inspection, { outcome: 'rejected' }>, path: string): string {
  const { folder, gaveFolder } = inspection
  if (inspection.outcome === 'readable') {
    const { format, title } = inspection
    return suggestName({ path, folder, gaveFolder, format, title })
  }
  return suggestName({ path: gaveFolder ? '' : path, folder, gaveFolder, format: null, title: null })
}

function toDatasetCandidate(
  { format, gaveFolder, findings, profile }: Table & { profile: Profile },
  stored: Candidate['files'],
  name: string,
): Omit<DatasetCandidate, Asked> {
  const [first] = stored
  const files = gaveFolder || !first ? stored : [{ ...first, path: storedDataPath(first.path, format, name) }]
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  const digest = digestOfFiles(files)
  return {
    kind: 'dataset',
    name,
    digest,
    sizeBytes,
    format,
    ...profile,
    findings,
    files,
  }
}

function toCandidate(
  inspection: Extract<Inspection, { outcome: 'readable' }>,
  stored: Candidate['files'],
  model: string,
): Omit<Candidate, Asked> {
  const { format } = inspection
  const [first, ...others] = stored
  const firstPath = storedPath(first?.path ?? '', format, model)
  const isFree = first && others.every((file) => file.path !== firstPath)
  const files = isFree ? [{ ...first, path: firstPath }, ...others] : stored
  return {
    kind: 'model',
    model,
    digest: digestOfFiles(files),
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    format,
    framework: inspection.framework,
    signature: inspection.signature,
    metadata: inspection.metadata,
    findings: inspection.findings,
    files,
    tensors: inspection.tensors,
    family: inspection.manifest ? inspection.manifest.family : suggestFamily(inspection.metadata),
    notes: inspection.manifest?.notes ?? null,
    architecture: inspection.manifest?.architecture ?? null,
  }
}

/** A single file's digest; of several, SHA-256 over `path NUL digest NUL size LF`, sorted by the bytes of the path. */
export function digestOfFiles(files: Candidate['files']): string {
  const [first] = files
  if (first && files.length === 1) return first.digest
  const hash = createHash('sha256')
  const sorted = files
    .map((file) => ({ ...file, key: Buffer.from(file.path) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
  for (const file of sorted) hash.update(`${file.path}\0${file.digest}\0${file.sizeBytes}\n`)
  return hash.digest('hex')
}
