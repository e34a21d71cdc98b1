import { createReadStream, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ModelFile } from '../../shared/contract'
import { AppError } from '../../shared/errors'
import { diskSpace } from '../platform/files'
import { createArtifacts } from './artifacts'
import { BlobStore, isMissing } from './blobs'
import { diffVersions } from './diff'
import { Imports } from './import/imports'
import { type FileWorker, startFileWorker } from './import/worker'
import type { Storage, StorageDeps } from './index'
import { collect, NamedBlobs, verifyBlobs } from './maintenance'
import { Models } from './models'

export function createStorage(deps: StorageDeps): Storage {
  return assembleStorage(deps, () => startFileWorker(deps.inspectWorkerEntry, deps.clock, deps.logger))
}

/** @param startWorker what reads, copies and hashes files: in the product a process of its own */
export function assembleStorage(deps: StorageDeps, startWorker: () => FileWorker): Storage {
  const { database, clock, logger } = deps
  const blobFolder = join(deps.dataDir, 'blobs')
  const blobs = new BlobStore(blobFolder)
  const named = new NamedBlobs(database)
  const models = new Models(deps)
  const verifying = new Set<AbortController>()
  const imports = new Imports({
    database,
    clock,
    logger,
    models,
    blobs,
    blobFolder,
    startWorker,
    async discard(digests) {
      for (const digest of digests) await blobs.remove(digest, (candidate) => named.has(candidate))
    },
  })

  function openFile(name: string, version: number, path: string, range?: { start: number; end: number }) {
    const file = models.version(name, version).files.find((candidate) => candidate.path === path)
    if (!file)
      throw new AppError('storage.not_found', `Version ${version} of ${name} has no file "${path}".`, {
        path,
      })
    return { file, content: readBlob(file, range) }
  }

  function readBlob(file: ModelFile, range: { start: number; end: number } | undefined): Readable {
    if (range) assertRange(range, file.sizeBytes)
    try {
      // Opened at once: a removal from now on does not take the bytes from under the reader.
      const fd = openSync(blobs.pathOf(file.digest), 'r')
      return createReadStream('', { fd, start: range?.start ?? 0, ...(range && { end: range.end }) })
    } catch (error) {
      if (!isMissing(error)) throw error
      const message = `The stored bytes of "${file.path}" are missing from the data folder. Import the model again.`
      throw new AppError('storage.corrupt', message, { digest: file.digest }, { cause: error })
    }
  }

  return {
    async start() {
      await blobs.open()
      const { interrupted } = await imports.reconcile()
      // Files that an interrupted import had already taken in.
      if (interrupted > 0) await collect(blobs, named)
    },
    async dispose() {
      const reason = new AppError('system.stopping', 'LLMAgentOS is stopping.')
      for (const controller of verifying) controller.abort(reason)
      await imports.dispose()
    },

    startImport: (source, by) => imports.begin(source, by),
    getImport: (id) => imports.get(id),
    listImports: () => imports.list(),
    cancelImport: (id) => imports.cancel(id),
    confirmImport: (id) => imports.confirm(id),

    listModels: () => models.list(),
    getModel: (name) => models.get(name),
    listVersions: (name) => models.versions(name),
    getVersion: (name, version) => models.version(name, version),
    resolve(reference) {
      const { found, alias } = models.resolve(reference)
      const { model, version, digest, format, sizeBytes, signature, metadata } = found
      const files = found.files.map((file) => ({ ...file, absolutePath: blobs.pathOf(file.digest) }))
      return { model, version, alias, digest, format, sizeBytes, signature, metadata, files }
    },
    setAlias: (name, alias, version, by) => models.setAlias(name, alias, version, by),
    removeAlias: (name, alias, by) => models.removeAlias(name, alias, by),
    aliasHistory: (name) => models.history(name),
    removeVersion: (name, version) => models.remove(name, version),
    diff: (name, from, to) => diffVersions(models.version(name, from), models.version(name, to)),
    openFile,

    artifacts: createArtifacts({ database, blobs, clock }),
    async usage() {
      const { freeBytes, totalBytes } = await diskSpace(deps.dataDir)
      return { ...(await blobs.count()), diskFreeBytes: freeBytes, diskTotalBytes: totalBytes }
    },
    async verify(signal) {
      const controller = new AbortController()
      const onAbort = () => controller.abort(signal?.reason)
      if (signal?.aborted) onAbort()
      signal?.addEventListener('abort', onAbort)
      verifying.add(controller)
      const worker = startWorker()
      try {
        return await verifyBlobs(blobs, named, worker, controller.signal)
      } finally {
        verifying.delete(controller)
        signal?.removeEventListener('abort', onAbort)
        await worker.dispose()
      }
    },
    gc: () => collect(blobs, named),

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
