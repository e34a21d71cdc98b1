import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../../platform/logger'
import { clear } from '../clear'
import { Slots } from '../import/slots'
import { isStopping } from '../stopping'
import { parseHubAddress } from './address'
import { type ChosenFile, chooseFiles } from './choose'
import { atCommit, cutToSynced, downloadFile, listRepository } from './download'
import { mayNameShards, shardsOf } from './shards'

/** Parts of downloads that nobody went on with are removed after so long. */
const KEEP_PARTS_MS = 7 * 24 * 3_600_000

export interface HubDownloads {
  /**
   * Brings the files of one model of a repository here; what lies here from an earlier try is not fetched again.
   * @throws AppError `storage.hub_unreachable`, `storage.not_found`, `storage.conflict`, `storage.disk_full`
   */
  fetch(
    source: { repository: string; files?: string[] | undefined },
    signal: AbortSignal,
    hooks: {
      /** @param bytesToCome those of them that are not here from an earlier try */
      assertRoom(bytesTotal: number, bytesToCome: number): Promise<void>
      /** Is waited for. */
      onProgress(bytesDone: number, bytesTotal: number): Promise<void> | undefined
    },
  ): Promise<HubDownload>
  /** Removes what nobody went on with for a week. */
  prune(nowMs: number): Promise<void>
  /** Removes all that no import is bringing now. @returns the bytes that were freed */
  collect(): Promise<number>
}

export interface HubDownload {
  files: { path: string; absolutePath: string; sha256: string | null }[]
  /** To be called in any case. @param keep what was downloaded stays for another try */
  close(keep: boolean): Promise<void>
}

/** Reads a `model.json` beside the main process: it may be large, and is not to be trusted. */
type ReadShards = (absolutePath: string, signal: AbortSignal) => Promise<string[]>

/** @param hubUrl where repositories lie that are named without an address */
export function createHubDownloads(
  folder: string,
  hubUrl: () => string,
  logger: Logger,
  readShards: ReadShards,
): HubDownloads {
  /** By place: an import that comes second finds what it wants half written, or sees it removed. */
  const turns = new Map<string, Slots>()
  /** Places that this process has written to: what others have left in them is cut to what they synced. */
  const ours = new Set<string>()

  /** @returns ends the turn */
  async function takeTurn(key: string, signal: AbortSignal): Promise<() => void> {
    const turn = turns.get(key) ?? new Slots(1)
    turns.set(key, turn)
    const leave = await turn.take(signal)
    return () => {
      leave()
      if (turn.isIdle) turns.delete(key)
    }
  }

  return {
    async fetch(source, signal, { assertRoom, onProgress }) {
      const repository = await atCommit(parseHubAddress(source.repository, hubUrl()), signal)
      const all = await listRepository(repository, signal)
      const chosen = chooseFiles(all, source.files ?? null)
      // One place for what is chosen of a commit, so that the next try finds what has come.
      const { hubUrl: host, name, revision } = repository
      const what = [host, name, revision, ...chosen.map(({ path }) => path)].join('\0')
      const key = createHash('sha256').update(what).digest('hex').slice(0, 32)
      const place = join(folder, key)
      const leave = await takeTurn(key, signal)
      const close = async (keep: boolean) => {
        try {
          if (!keep) await clear(place, logger)
        } finally {
          leave()
        }
      }
      const files: HubDownload['files'] = []
      let before = 0
      const bring = async (wanted: readonly ChosenFile[]) => {
        const bytesTotal = before + sum(wanted)
        await assertRoom(bytesTotal, bytesTotal - before - (await bytesPresent(place, wanted)))
        for (const file of wanted) {
          const absolutePath = await downloadFile(repository, file, place, signal, (bytesDone) =>
            onProgress(before + bytesDone, bytesTotal),
          )
          before += file.sizeBytes
          files.push({ path: `${name.split('/')[1] ?? name}/${file.as}`, absolutePath, sha256: file.sha256 })
        }
      }
      try {
        await mkdir(place, { recursive: true, mode: 0o700 })
        // Its age is that of the last try: to write on in a file does not change the folder.
        const now = new Date()
        await utimes(place, now, now)
        if (!ours.has(key)) for (const path of await filesBelow(place)) await cutToSynced(path)
        ours.add(key)
        const index = chosen.find(mayNameShards)
        if (!index) await bring(chosen)
        else {
          await bring([index])
          const named = await readShards(files[0]?.absolutePath ?? '', signal)
          const shards = shardsOf(index, named, all)
          const others = new Map([...chosen, ...shards].map((file) => [file.path, file]))
          others.delete(index.path)
          await bring([...others.values()])
        }
      } catch (error) {
        // Given up by a person: the parts are of no more use.
        await close(!signal.aborted || isStopping(signal))
        throw error
      }
      return { files, close }
    },
    async prune(nowMs) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      for (const name of await readdir(folder)) {
        const path = join(folder, name)
        const stats = await lstat(path).catch(() => null)
        if (stats && nowMs - stats.mtimeMs > KEEP_PARTS_MS) await clear(path, logger)
      }
    },
    async collect() {
      let freedBytes = 0
      for (const key of await readdir(folder).catch(() => [])) {
        if (turns.has(key)) continue
        const leave = await takeTurn(key, new AbortController().signal)
        try {
          const place = join(folder, key)
          const bytes = await bytesBelow(place)
          if (await clear(place, logger)) freedBytes += bytes
        } finally {
          leave()
        }
      }
      return freedBytes
    },
  }
}

function sum(files: readonly ChosenFile[]): number {
  return files.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
}

async function filesBelow(place: string): Promise<string[]> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}

async function bytesBelow(path: string): Promise<number> {
  const stats = await stat(path).catch(() => null)
  // Gone meanwhile.
  if (!stats) return 0
  if (!stats.isDirectory()) return stats.size
  let bytes = 0
  for (const name of await readdir(path)) bytes += await bytesBelow(join(path, name))
  return bytes
}

/** Of files that an earlier try began. */
async function bytesPresent(place: string, files: readonly ChosenFile[]): Promise<number> {
  const sizes = files.map(({ path, sizeBytes }) =>
    stat(join(place, path)).then(
      ({ size }) => Math.min(size, sizeBytes),
      () => 0,
    ),
  )
  return (await Promise.all(sizes)).reduce((total, size) => total + size, 0)
}
