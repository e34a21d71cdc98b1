import { profileTable, readRows, readShortRows } from '../datasets/read'
import { namedShards } from '../hub/shards'
import { inspect } from '../import/inspect'
import { copyFile, hashFile } from '../import/transfer'
import type { FileWorker } from '../import/worker'

/** The inspecting process without the process: for tests that make thousands of imports. */
export function inProcessWorker(): FileWorker {
  return {
    inspect: async (location, scratch, signal, onProgress = () => undefined) => {
      signal.throwIfAborted()
      return inspect(location, { path: scratch, onProgress })
    },
    copy: (source, to, _signal, onProgress = () => undefined) => copyFile(source, to, onProgress),
    shards: (path) => namedShards(path),
    profile: (format, files) => profileTable(format, files, () => undefined),
    rows: (table, range) => readRows(table, range),
    shortRows: (table, range) => readShortRows(table, range),
    hash: (path, seal, _signal, onProgress = () => undefined) => hashFile(path, seal, onProgress),
    dispose: async () => undefined,
  }
}
