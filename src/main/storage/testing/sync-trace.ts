import { basename, dirname } from 'node:path'

/** The calls that {@link unsynced} understands; the rest of `strace -f -y -s 8192` is passed over. */
export const TRACED = 'trace=fsync,fdatasync,rename,mkdir,pwrite64,write'

interface Call {
  name: string
  /** All between the brackets, as strace writes it. */
  args: string
  failed: boolean
}

/**
 * What the disk could lose although it was acknowledged, from a trace of the system calls of a whole process tree: a blob
 * whose digest goes into the database's log before the blob's bytes, its name or a folder on the way to it were synced; and
 * an acknowledgement (a line on stdout) before the log was synced.
 * @returns a sentence for each, and how many blobs and acknowledgements were looked at
 */
export function unsynced(trace: string): { problems: string[]; blobs: number; acknowledged: number } {
  const problems: string[] = []
  const syncedFiles = new Set<string>()
  /** Blobs by digest, each with the folders that must still be synced before a row may name it. */
  const unsettled = new Map<string, Set<string>>()
  /** Folders that were made, each with the one that must be synced for it to last. */
  const made = new Map<string, string>()
  let blobs = 0
  let acknowledged = 0
  let isLogSynced = true
  for (const { name, args, failed } of callsOf(trace)) {
    if (failed) continue
    const [file = ''] = /(?<=<)[^>]+(?=>)/.exec(args) ?? []
    if (name === 'fsync' || name === 'fdatasync') {
      syncedFiles.add(file)
      for (const [folder, parent] of made) if (parent === file) made.delete(folder)
      for (const folders of unsettled.values()) folders.delete(file)
      if (file.endsWith('-wal')) isLogSynced = true
    } else if (name === 'mkdir') {
      const [, folder = ''] = /^"([^"]+)"/.exec(args) ?? []
      made.set(folder, dirname(folder))
    } else if (name === 'rename') {
      const [, from = '', to = ''] = /^"([^"]+)", "([^"]+)"/.exec(args) ?? []
      if (!/^[0-9a-f]{64}$/.test(basename(to))) continue
      blobs++
      if (!syncedFiles.has(from)) problems.push(`The bytes of ${to} were not synced before it got its name.`)
      const above = [...made].flatMap(([folder, parent]) => (to.startsWith(`${folder}/`) ? [parent] : []))
      unsettled.set(basename(to), new Set([dirname(to), ...above]))
    } else if (file.endsWith('-wal')) {
      isLogSynced = false
      for (const [digest, folders] of unsettled) {
        if (!args.includes(digest)) continue
        for (const folder of folders)
          problems.push(`${folder} was not synced before a row named ${digest} in it.`)
        unsettled.delete(digest)
      }
    } else if (name === 'write' && args.startsWith('1<') && args.includes('@')) {
      acknowledged++
      if (!isLogSynced) problems.push(`${args} was said before the log of the database was synced.`)
    }
  }
  return { problems, blobs, acknowledged }
}

/** Calls that another thread interrupted stand where they ended, but a write where it began: so each counts at its worst. */
function* callsOf(trace: string): Generator<Call> {
  const begun = new Map<string, { name: string; args: string }>()
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(rest)
    if (resumed) {
      const call = begun.get(thread)
      begun.delete(thread)
      if (call && !isWrite(call.name)) yield { ...call, failed: hasFailed(rest) }
      continue
    }
    const [, name, args] = /^(\w+)\((.*)$/.exec(rest) ?? []
    if (name === undefined || args === undefined) continue
    if (!rest.endsWith('<unfinished ...>')) yield { name, args, failed: hasFailed(rest) }
    else {
      begun.set(thread, { name, args })
      if (isWrite(name)) yield { name, args, failed: false }
    }
  }
}

function isWrite(name: string): boolean {
  return name === 'write' || name === 'pwrite64'
}

function hasFailed(line: string): boolean {
  return / = -1 [A-Z]+ \([^)]*\)$/.test(line)
}
