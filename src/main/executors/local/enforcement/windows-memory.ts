import type { Clock } from '../../../platform/clock'
import type { Logger } from '../../../platform/logger'
import { createToolStream, type ToolStream } from '../../../platform/tool-stream'
import { sumTrees } from './processes'

const END = 'end'
/** A table without an end is no table. */
const MOST_ROWS = 100_000

/**
 * Prints `id parent KiB begin` of all processes each second, for as long as this one is there: numbers only, the same in
 * every language. The working set is what is resident: a process may have reserved far more (the libraries of CUDA alone
 * some gigabytes), which takes nothing from anybody.
 */
const SCRIPT = [
  `while (Get-Process -Id ${process.pid} -ErrorAction SilentlyContinue) {`,
  "Get-CimInstance -ErrorAction Stop -Query 'SELECT ProcessId, ParentProcessId, WorkingSetSize, CreationDate FROM Win32_Process' |",
  'ForEach-Object {',
  '$began = if ($_.CreationDate) { $_.CreationDate.ToFileTimeUtc() } else { 0 };',
  "'{0} {1} {2} {3}' -f $_.ProcessId, $_.ParentProcessId, [math]::Floor($_.WorkingSetSize / 1KB), $began",
  '};',
  `'${END}'; Start-Sleep -Seconds 1 }`,
].join(' ')

/**
 * Resident memory on Windows. What tells of it takes longer to start than to ask, so it goes on while it is needed.
 * @param onTable takes how much workers and all below them take, once for each look at all processes
 */
export function watchWindowsMemory(
  deps: { clock: Clock; logger: Logger },
  onTable: (residentOf: (pids: readonly number[]) => ReadonlyMap<number, number>) => void,
  command = 'powershell.exe',
): ToolStream {
  let rows: string[] = []
  const args = ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', SCRIPT]
  return createToolStream(deps, command, args, (line) => {
    if (line !== END) {
      if (rows.length < MOST_ROWS) rows.push(line)
      return false
    }
    const table = rows.join('\n')
    rows = []
    onTable((pids) => sumTrees(table, pids))
    return true
  })
}
