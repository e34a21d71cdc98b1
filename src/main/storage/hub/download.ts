import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, stat, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HubApiError, listFiles, modelInfo } from '@huggingface/hub'
import { AppError } from '../../../shared/errors'
import { codeOf } from '../../platform/error-code'
import { translateFileError } from '../../platform/files'
import { removeFile } from '../blobs'
import { syncedBytes, writeFlushed } from '../flushing'
import { quoted } from '../import/rejection'
import { assertSafePath } from '../import/source'
import type { HubRepository } from './address'
import type { HubFile } from './choose'

/** A server that sends nothing for so long is taken for gone; the download goes on from there when it is tried again. */
const SILENCE_MS = 60_000
const TRIES = 3
const MOST_FILES = 10_000
/** Of an answer in JSON, which is read whole: one with a thousand files has less than one. */
const MOST_JSON_BYTES = 16 * 1024 * 1024

/**
 * The same repository at the commit that its revision means now, so that all files are of one state of it, also those that
 * another try brings. @throws AppError `storage.hub_unreachable`, `storage.not_found`
 */
export async function atCommit(repository: HubRepository, signal: AbortSignal): Promise<HubRepository> {
  const { name, revision, hubUrl } = repository
  const watch = watchSilence(signal)
  try {
    const { sha } = await modelInfo({
      name,
      revision,
      hubUrl,
      additionalFields: ['sha'],
      fetch: (input, init) => fetchJson(input, { ...init, signal: watch.signal }),
    })
    if (!/^[0-9a-f]{40}$/.test(sha)) throw unreachable(hubUrl, 'it names no commit', null)
    return { ...repository, revision: sha }
  } catch (error) {
    signal.throwIfAborted()
    throw inWords(error, name, hubUrl)
  } finally {
    watch.end()
  }
}

/** Every file of a repository. @throws AppError `storage.hub_unreachable`, `storage.not_found`; Rejection for a path that leaves it */
export async function listRepository(
  { name, revision, hubUrl }: HubRepository,
  signal: AbortSignal,
): Promise<HubFile[]> {
  const files: HubFile[] = []
  const watch = watchSilence(signal)
  try {
    const entries = listFiles({
      repo: { type: 'model', name },
      revision,
      hubUrl,
      recursive: true,
      fetch: (input, init) => fetchJson(input, { ...init, signal: watch.signal }),
    })
    for await (const entry of entries) {
      watch.heard()
      if (entry.type !== 'file') continue
      assertSafePath(entry.path, entry.path)
      if (files.length >= MOST_FILES) throw new AppError('storage.unsafe', `${name} has too many files.`)
      const sha256 = /^[0-9a-f]{64}$/.test(entry.lfs?.oid ?? '') ? (entry.lfs?.oid ?? null) : null
      const gitId = !entry.lfs && /^[0-9a-f]{40}$/.test(entry.oid ?? '') ? (entry.oid ?? null) : null
      files.push({ path: entry.path, sizeBytes: entry.lfs?.size ?? entry.size, sha256, gitId })
    }
  } catch (error) {
    signal.throwIfAborted()
    throw inWords(error, name, hubUrl)
  } finally {
    watch.end()
  }
  return files
}

/**
 * Downloads a file to where a part of it may already lie, and goes on from there. Its size is checked, and Git's id of a
 * small one; the digest of a large one is by whoever hashes it.
 * @param onBytes bytes of this file that are on the disk; it is waited for
 * @throws AppError `storage.hub_unreachable` (what has come stays), `storage.incomplete`, `storage.disk_full`
 */
export async function downloadFile(
  { name, revision, hubUrl }: HubRepository,
  file: HubFile,
  folder: string,
  signal: AbortSignal,
  onBytes: (bytesDone: number) => Promise<void> | undefined,
): Promise<string> {
  const to = join(folder, file.path)
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  const path = file.path.split('/').map(encodeURIComponent).join('/')
  const url = `${hubUrl}/${name}/resolve/${encodeURIComponent(revision)}/${path}`
  for (let attempt = 1; ; attempt++) {
    let present = await sizeOf(to)
    // An empty one may be read-only too.
    if (present === 0 || present > file.sizeBytes) {
      await removeFile(to)
      present = 0
    }
    await onBytes(present)
    if (present === file.sizeBytes && present > 0) return whole(to, file)
    try {
      await append(url, to, present, file, signal, onBytes)
      if ((await sizeOf(to)) === file.sizeBytes) return await whole(to, file)
      throw new TypeError('the connection was broken off')
    } catch (error) {
      signal.throwIfAborted()
      const failure = inWords(translateFileError(error), name, hubUrl)
      const broken = failure instanceof AppError && failure.code === 'storage.hub_unreachable'
      if (!broken || attempt >= TRIES) throw failure
    }
  }
}

/** Cuts a file that an earlier process has left to what is on the disk for certain. A whole one is read-only. */
export async function cutToSynced(path: string): Promise<void> {
  const { mode, size } = await stat(path)
  if ((mode & 0o200) !== 0) await truncate(path, syncedBytes(size))
}

/** Says to a process that comes later that all of it is on the disk: its connection may have broken off after the last byte. */
async function whole(path: string, file: HubFile): Promise<string> {
  if (((await stat(path)).mode & 0o200) !== 0) {
    const handle = await open(path, 'r+')
    try {
      await handle.sync()
      await handle.chmod(0o444)
    } finally {
      await handle.close()
    }
  }
  return checked(path, file)
}

/** @returns the path @throws AppError `storage.incomplete`; then the file is gone, and the next try fetches it anew */
async function checked(path: string, { path: name, sizeBytes, gitId }: HubFile): Promise<string> {
  if (gitId === null) return path
  const hash = createHash('sha1').update(`blob ${sizeBytes}\0`)
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  if (hash.digest('hex') === gitId) return path
  await removeFile(path)
  const message = `${quoted(name)} is not what the Hub says: its Git id is another. Get it again.`
  throw new AppError('storage.incomplete', message, { file: name })
}

async function append(
  url: string,
  to: string,
  from: number,
  file: HubFile,
  signal: AbortSignal,
  onBytes: (bytesDone: number) => Promise<void> | undefined,
): Promise<void> {
  const watch = watchSilence(signal)
  let output: FileHandle | null = null
  try {
    const response = await fetch(url, {
      headers: from > 0 ? { range: `bytes=${from}-` } : {},
      signal: watch.signal,
    })
    if (!response.ok || !response.body) throw new HubApiError(url, response.status)
    // A server that knows no ranges sends all of it again.
    const start = response.status === 206 ? from : 0
    output = await open(to, start > 0 ? 'a' : 'w', 0o600)
    let done = start
    for await (const chunk of response.body) {
      watch.heard()
      if (done + chunk.length > file.sizeBytes)
        throw new AppError('storage.unsafe', `The Hub sends more for ${file.path} than it said.`)
      await writeFlushed(output, chunk, done)
      done += chunk.length
      await onBytes(done)
    }
  } finally {
    watch.end()
    await output?.close()
  }
}

/** The same answer, but it breaks off with a TypeError, as a connection does, beyond {@link MOST_JSON_BYTES}. */
async function fetchJson(input: Parameters<typeof fetch>[0], init: RequestInit): Promise<Response> {
  const response = await fetch(input, init)
  let bytes = 0
  const bounded = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.length
      if (bytes > MOST_JSON_BYTES) controller.error(new TypeError('its answer is too long'))
      else controller.enqueue(chunk)
    },
  })
  return response.body ? new Response(response.body.pipeThrough(bounded), response) : response
}

/** A signal that aborts with `signal`, or when nothing is heard for {@link SILENCE_MS}. */
function watchSilence(signal: AbortSignal): { signal: AbortSignal; heard(): void; end(): void } {
  const controller = new AbortController()
  const stop = () => controller.abort(signal.reason)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop)
  const timer = setTimeout(() => controller.abort(new TypeError('it sends nothing more')), SILENCE_MS)
  return {
    signal: controller.signal,
    heard: () => timer.refresh(),
    end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    },
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0
    throw error
  }
}

/** What a person can act on, of what a client or a socket says. */
function inWords(error: unknown, name: string, hubUrl: string): unknown {
  if (error instanceof HubApiError) {
    const { statusCode } = error
    if (statusCode === 404)
      return new AppError(
        'storage.not_found',
        `${hubUrl} has no repository ${name}, or not this revision of it.`,
      )
    if (statusCode === 401 || statusCode === 403) {
      const message = `${hubUrl} does not give ${name} to everybody. Download it with an account that may, and import the folder.`
      return new AppError('storage.not_found', message)
    }
    return unreachable(hubUrl, `it answers with status ${statusCode}`, error)
  }
  if (!(error instanceof TypeError)) return error
  // Node's fetch hides the reason one level down.
  return unreachable(hubUrl, codeOf(error.cause) ?? error.message, error)
}

function unreachable(hubUrl: string, why: string, cause: unknown): AppError {
  const message = `${hubUrl} cannot be reached (${why}). Check the network, or set a mirror in Settings; what has come is kept and the next try goes on from there.`
  return new AppError('storage.hub_unreachable', message, { hubUrl }, { cause })
}
