import { type ExecFileException, execFile } from 'node:child_process'
import { join } from 'node:path'

export type ToolOutcome =
  | { state: 'answered'; stdout: string }
  | { state: 'absent' }
  | { state: 'failed'; why: string }

const TIMEOUT_MS = 5000
const MOST_OUTPUT_BYTES = 32 * 1024 * 1024

/**
 * Runs a vendor's tool without a shell and waits at most 5 s. A tool that is not installed is `absent`; one that is
 * there and hangs, fails or says nothing is `failed`.
 * @param folders where vendors install it beside `PATH`
 */
export async function runTool(
  name: string,
  args: readonly string[],
  folders: readonly string[] = [],
): Promise<ToolOutcome> {
  for (const file of [name, ...folders.map((folder) => join(folder, name))]) {
    const outcome = await run(file, args)
    if (outcome.state !== 'absent') return outcome
  }
  return { state: 'absent' }
}

function run(file: string, args: readonly string[]): Promise<ToolOutcome> {
  const options = {
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL' as const,
    maxBuffer: MOST_OUTPUT_BYTES,
    windowsHide: true,
    // A translated tool prints words that no parser knows.
    env: { ...process.env, LC_ALL: 'C' },
  }
  return new Promise((resolve) => {
    try {
      execFile(file, [...args], options, (error, stdout) => resolve(outcomeOf(error, stdout)))
    } catch (error) {
      // There is no memory for another process, for one.
      resolve(outcomeOf(error as ExecFileException, ''))
    }
  })
}

function outcomeOf(error: ExecFileException | null, stdout: string): ToolOutcome {
  if (!error) return { state: 'answered', stdout }
  if (error.code === undefined && error.killed)
    return { state: 'failed', why: `no answer in ${TIMEOUT_MS / 1000} s` }
  if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(String(error.code))) return { state: 'absent' }
  return { state: 'failed', why: firstLine(stdout) || `exit ${error.code ?? error.signal}` }
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0]?.slice(0, 200) ?? ''
}
