import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isStopping } from '../stopping'
import { parseHubAddress } from './address'
import { type ChosenFile, chooseFiles } from './choose'
import { atCommit, downloadFile, listRepository } from './download'
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
      assertRoom(bytes: number): Promise<void>
      onProgress(bytesDone: number, bytesTotal: number): void
    },
  ): Promise<HubDownload>
  /** Removes what nobody went on with. */
  prune(nowMs: number): Promise<void>
}

export interface HubDownload {
  files: { path: string; absolutePath: string; sha256: string | null }[]
  /** Removes what was downloaded. */
  discard(): Promise<void>
}

/** Reads a `model.json` beside the main process: it may be large, and is not to be trusted. */
type ReadShards = (absolutePath: string, signal: AbortSignal) => Promise<string[]>

/** @param hubUrl where repositories lie that are named without an address */
export function createHubDownloads(
  folder: string,
  hubUrl: () => string,
  readShards: ReadShards,
): HubDownloads {
  return {
    async fetch(source, signal, { assertRoom, onProgress }) {
      const repository = await atCommit(parseHubAddress(source.repository, hubUrl()), signal)
      const all = await listRepository(repository, signal)
      const chosen = chooseFiles(all, source.files ?? null)
      // One place for each repository and commit, so that the next try finds what has come.
      const { hubUrl: host, name, revision } = repository
      const key = createHash('sha256').update(`${host}\0${name}\0${revision}`).digest('hex').slice(0, 32)
      const place = join(folder, key)
      await mkdir(place, { recursive: true, mode: 0o700 })
      const discard = () => rm(place, { recursive: true, force: true })
      const files: HubDownload['files'] = []
      let before = 0
      const bring = async (wanted: readonly ChosenFile[]) => {
        const bytesTotal = before + sum(wanted)
        await assertRoom(bytesTotal)
        for (const file of wanted) {
          const absolutePath = await downloadFile(repository, file, place, signal, (bytesDone) =>
            onProgress(before + bytesDone, bytesTotal),
          ).catch(async (error: unknown) => {
            // Given up by a person: the parts are of no more use.
            if (signal.aborted && !isStopping(signal)) await discard()
            throw error
          })
          before += file.sizeBytes
          files.push({ path: `${name.split('/')[1] ?? name}/${file.as}`, absolutePath, sha256: file.sha256 })
        }
      }
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
      return { files, discard }
    },
    async prune(nowMs) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      for (const name of await readdir(folder)) {
        const path = join(folder, name)
        if (nowMs - (await stat(path)).mtimeMs > KEEP_PARTS_MS)
          await rm(path, { recursive: true, force: true })
      }
    },
  }
}

function sum(files: readonly ChosenFile[]): number {
  return files.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
}
