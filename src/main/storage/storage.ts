import { createReadStream, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ModelFile, ModelFormat } from '../../shared/contract'
import { AppError } from '../../shared/errors'
import { diskSpace } from '../platform/files'
import { createArtifacts } from './artifacts'
import { BlobStore, isMissing } from './blobs'
import { Datasets } from './datasets/datasets'
import { TableReading } from './datasets/table-reading'
import { diffVersions } from './diff'
import { archiveOf, Manifest } from './export'
import { OriginDigests } from './export/origins'
import { createHubDownloads } from './hub'
import { Imports } from './import/imports'
import { type FileWorker, startFileWorker } from './import/worker'
import type { ResolvedVersion, Storage, StorageDeps } from './index'
import { collect, NamedBlobs, verifyBlobs } from './maintenance'
import { Models } from './models'
import { Origins, type Sees, seesAll } from './origins'
import { StorageQuotas } from './quotas'
import { StorageTasks } from './tasks'

/** Formats without a graph: they run in that of another version, their architecture. */
const BARE_WEIGHTS: ReadonlySet<ModelFormat> = new Set(['safetensors', 'torch-state'])

export function createStorage(deps: StorageDeps): Storage {
  return assembleStorage(deps, () => startFileWorker(deps.inspectWorkerEntry, deps.clock, deps.logger))
}

/** @param startWorker what reads, copies and hashes files: in the product a process of its own */
export function assembleStorage(deps: StorageDeps, startWorker: () => FileWorker): Storage {
  const { database, clock, logger } = deps
  const blobFolder = join(deps.dataDir, 'blobs')
  const blobs = new BlobStore(blobFolder, logger)
  const named = new NamedBlobs(database)
  const origins = new Origins(database)
  const models: Models = new Models({ ...deps, origins, describeDataset: (key) => datasets.describe(key) })
  const datasets = new Datasets({ database, clock, origins, describeModel: (key) => models.describe(key) })
  const originDigests = new OriginDigests(database, origins)
  const hub = createHubDownloads(
    join(deps.dataDir, 'downloads'),
    deps.hubUrl,
    logger,
    async (path, signal) => {
      const worker = startWorker()
      try {
        return await worker.shards(path, signal)
      } finally {
        await worker.dispose()
      }
    },
  )
  const quotas = new StorageQuotas(database)
  const tasks = new StorageTasks(clock, logger)
  const tableReading = new TableReading({ datasets, blobs, clock, startWorker })
  const imports = new Imports({
    database,
    clock,
    logger,
    models,
    datasets,
    quotas,
    blobs,
    blobFolder,
    hub,
    startWorker,
    originsHere: (archived, by) =>
      originDigests.here(archived, (kind, reference) => deps.mayName(by, kind, reference)),
    assertMayManage: deps.assertMayManage,
    async discard(digests) {
      for (const digest of digests) await blobs.remove(digest, (candidate) => named.has(candidate))
    },
  })

  function resolved({ found, alias }: ReturnType<Models['resolve']>): ResolvedVersion {
    const { model, version, digest, format, sizeBytes, signature, metadata } = found
    const resolution = { model, version, alias, digest, format, sizeBytes, signature, metadata }
    const files = found.files.map(withPath)
    if (!BARE_WEIGHTS.has(format)) return { ...resolution, files, isBare: false }
    const { architecture } = models.facts.notes(model, version)
    if (architecture === null) return { ...resolution, files, isBare: true }
    const graph = models.resolve(architecture).found
    const graphFiles = graph.files.map((file) => withPath({ ...file, path: `architecture/${file.path}` }))
    return { ...resolution, signature: graph.signature, files: [...files, ...graphFiles], isBare: false }
  }

  function withPath(file: ModelFile) {
    return { ...file, absolutePath: blobs.pathOf(file.digest) }
  }

  function openFile(
    kind: 'model' | 'dataset',
    name: string,
    version: number,
    path: string,
    range?: { start: number; end: number },
  ) {
    const file = fileOf(kind, name, version, path)
    return { file, content: readBlob(file, range) }
  }

  function fileOf(kind: 'model' | 'dataset', name: string, version: number, path: string): ModelFile {
    if (kind === 'dataset') return datasets.file(name, version, path)
    const file = models.version(name, version).files.find((candidate) => candidate.path === path)
    if (file) return file
    throw new AppError('storage.not_found', `Version ${version} of ${name} has no file "${path}".`, { path })
  }

  function exportVersion(kind: 'model' | 'dataset', name: string, version: number, sees: Sees) {
    const found = kind === 'model' ? models.version(name, version) : datasets.version(name, version)
    const { digest, files, createdAt } = found
    const architecture = kind === 'model' ? models.architectureOf(name, version) : null
    const said =
      kind === 'model'
        ? {
            family: models.get(name).family,
            notes: models.facts.notes(name, version),
          }
        : { family: null, notes: { notes: '', tags: [] } }
    const manifest = Manifest.parse({
      format: 'llmagentos-version/1',
      ...{ kind, name, version, digest, files, ...said, createdAt },
      madeFrom: originDigests.of({ kind, name, version }, sees),
      architecture: architecture && sees('model', architecture.name) ? architecture : null,
    })
    return archiveOf(manifest, (path) => openFile(kind, name, version, path).content, clock.now())
  }

  function readBlob(file: ModelFile, range: { start: number; end: number } | undefined): Readable {
    if (range) assertRange(range, file.sizeBytes)
    try {
      // Opened at once: a removal from now on does not take the bytes from under the reader.
      const fd = openSync(blobs.pathOf(file.digest), 'r')
      return createReadStream('', { fd, start: range?.start ?? 0, ...(range && { end: range.end }) })
    } catch (error) {
      if (!isMissing(error)) throw error
      const message = `The stored bytes of "${file.path}" are missing from the data folder. Import it again.`
      throw new AppError('storage.corrupt', message, { digest: file.digest }, { cause: error })
    }
  }

  return {
    async start() {
      const resumable = imports.resumable()
      await blobs.open(resumable.map(({ id }) => id))
      // Which of the downloads an import from the Hub goes on with only the Hub can say.
      if (resumable.every(({ source }) => source.kind !== 'hub')) await hub.prune(clock.now())
      const { interrupted } = await imports.reconcile()
      // Files that an interrupted import had already taken in.
      if (interrupted > 0) await collect(blobs, named)
    },
    async dispose() {
      await tasks.dispose()
      await tableReading.dispose()
      await imports.dispose()
    },

    startImport: (source, by) => imports.begin(source, by),
    getImport: (id) => imports.get(id),
    importEnd: (id) => imports.ended(id),
    listImports: () => imports.list(),
    cancelImport: (id) => imports.cancel(id),
    confirmImport: (id, change, by) => imports.confirm(id, change, by),
    isTaken: (kind, name) => imports.isTaken(kind, name),

    listModels: () => models.list(),
    getModel: (name) => models.get(name),
    getVersion: (name, version) => models.version(name, version),
    resolve: (reference) => resolved(models.resolve(reference)),
    meanings: (reference) => models.meanings(reference),
    route: (reference) => resolved(models.resolve(reference, clock.chance())),
    observeRun: (run) => models.observe(run),
    setAlias: (name, alias, version, by, reason) => models.setAlias(name, alias, version, by, reason ?? null),
    rollBack: (name, alias, by, reason) => models.rollBack(name, alias, by, reason ?? null),
    setCanary: (name, alias, plan, by, reason) => models.setCanary(name, alias, plan, by, reason ?? null),
    promoteCanary: (name, alias, by) => models.promoteCanary(name, alias, by),
    updateModel: (name, change) => models.update(name, change),
    annotate: (name, version, change) => models.annotate(name, version, change),
    tensors(name, version) {
      models.version(name, version)
      return models.facts.tensors(name, version)
    },
    recordBenchmark: (model, benchmark) => models.facts.addBenchmark(model, benchmark),
    benchmarks(name) {
      models.get(name)
      return models.facts.benchmarks(name)
    },
    lineage: (name, sees) => models.lineage(name, sees),
    staysWarm: (name, version) => models.staysWarm(name, version),
    removeAlias: (name, alias, by) => models.removeAlias(name, alias, by),
    aliasHistory: (name) => models.history(name),
    removeVersion: (name, version, sees = seesAll) => models.remove(name, version, sees),
    diff: (name, from, to) =>
      diffVersions(models.version(name, from), models.version(name, to), {
        from: models.facts.tensors(name, from),
        to: models.facts.tensors(name, to),
      }),
    getFile: fileOf,
    openFile,
    exportVersion,

    artifacts: createArtifacts({ database, blobs, clock }),
    async usage() {
      const { freeBytes, totalBytes } = await diskSpace(deps.dataDir)
      return { ...(await blobs.count()), diskFreeBytes: freeBytes, diskTotalBytes: totalBytes }
    },
    getQuota: (principal) => quotas.get(principal),
    setQuota: (principal, limitBytes) => quotas.set(principal, limitBytes),
    listDatasets: () => datasets.list(),
    getDataset: (name) => datasets.get(name),
    getDatasetVersion: (name, version) => datasets.version(name, version),
    resolveDataset: (reference) => datasets.resolve(reference),
    removeDatasetVersion: (name, version, sees = seesAll) => datasets.remove(name, version, sees),
    datasetLineage: (name, sees) => datasets.lineage(name, sees),
    datasetRows: (name, version, range, signal) => tableReading.rows(name, version, range, signal),
    datasetRecords: (name, version, range) => tableReading.records(name, version, range),
    datasetImage: (name, version, path) => tableReading.image(name, version, path),
    onDidChangeDatasets: datasets.onDidChange,

    verify: (by) =>
      tasks.begin('verify', by, async (context) => {
        const worker = startWorker()
        try {
          return await verifyBlobs(blobs, named, worker, context)
        } finally {
          await worker.dispose()
        }
      }),
    gc: (by) =>
      tasks.begin('gc', by, async (context) => {
        const removedVersions: string[] = []
        for (const { name, policy } of models.list()) {
          if (policy.keep === 'all') continue
          for (const version of models.expendable(name)) {
            context.signal.throwIfAborted()
            if (models.removeUnused(name, version)) removedVersions.push(`${name}@${version}`)
            await nextTurn()
          }
          await nextTurn()
        }
        const { removed, freedBytes } = await collect(blobs, named, context)
        return { removed, freedBytes: freedBytes + (await hub.collect()), removedVersions }
      }),
    tasks: () => tasks.list(),
    task: (id) => tasks.get(id),
    taskEnd: (id, waitMs, signal) => tasks.wait(id, waitMs, signal),
    cancelTask: (id) => tasks.cancel(id),

    onDidChangeTasks: tasks.onDidChange,
    onDidChangeModels: models.onDidChange,
    onDidChangeImports: imports.onDidChange,
  }
}

function assertRange(range: { start: number; end: number }, sizeBytes: number): void {
  const { start, end } = range
  if (
    Number.isSafeInteger(start) &&
    Number.isSafeInteger(end) &&
    start >= 0 &&
    start <= end &&
    end < sizeBytes
  )
    return
  throw new AppError(
    'system.invalid',
    `The range ${start} to ${end} does not lie within the file's ${sizeBytes} bytes.`,
    { field: 'range' },
  )
}
