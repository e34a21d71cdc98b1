import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { holds, realPath } from '../platform/folders'
import { askWorker, type Program } from '../platform/processes'
import type { WorkerStart } from './adapter'

/** What programs of a Linux system are linked against; each is bound where it is there. */
const SYSTEM = [
  '/usr',
  '/lib',
  '/lib64',
  '/bin',
  '/sbin',
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf.d',
]
const TRIAL_MS = 5000

/**
 * Of these, what a program may be shown: a Python in `~/.local/bin` is no reason to show it all of `~/.local`, where our
 * own data may lie.
 */
export function withoutPrivate(paths: readonly string[], dataDir: string | undefined): string[] {
  const secrets = [homedir(), ...(dataDir === undefined ? [] : [dataDir])].map(realPath)
  return paths.filter((path) => !secrets.some((secret) => holds(realPath(path), secret)))
}

/** The program that makes sandboxes here, or why there is none. */
export type Sandbox = { file: string } | { file: null; reason: string }

/** The absolute path of bubblewrap (https://github.com/containers/bubblewrap); null where it is not installed. */
export function findBubblewrap(): string | null {
  if (process.platform !== 'linux') return null
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  return (
    [...folders, '/usr/bin'].map((folder) => join(folder, 'bwrap')).find((file) => existsSync(file)) ?? null
  )
}

/** Makes one: the kernel, or a container around us, may not let it. */
export async function trySandbox(): Promise<Sandbox> {
  if (process.platform !== 'linux') return { file: null, reason: 'bubblewrap is a program of Linux.' }
  const file = findBubblewrap()
  if (file === null) return { file, reason: 'bubblewrap is not installed.' }
  const entry = '/usr/bin/true'
  const nothing = { file: entry, args: [], env: {} }
  const program = inBubblewrap(file, nothing, [], { entry, socketPath: null, files: [], options: '' })
  const { code, stderr, error } = await askWorker({ entry, program }, TRIAL_MS)
  if (code === 0) return { file }
  const words = (error?.message ?? stderr.split('\n')[0] ?? '').trim().slice(0, 300)
  return { file: null, reason: `bubblewrap does not work here${words === '' ? '.' : `: ${words}`}` }
}

/**
 * The same program with no network, no other processes, no files to write, and none to read but the system's libraries,
 * those of the model and what is named. It dies with the system.
 * @param readsFrom files and folders of the program itself @param devices files of the devices that it may use
 */
export function inBubblewrap(
  bubblewrap: string,
  program: Program,
  readsFrom: readonly string[],
  { entry, socketPath, files }: WorkerStart,
  devices: readonly string[] = [],
): Program {
  const readable = [...SYSTEM, ...readsFrom, entry, ...files]
  return {
    file: bubblewrap,
    args: [
      '--unshare-all',
      '--die-with-parent',
      '--new-session',
      ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
      ...devices.flatMap((path) => ['--dev-bind-try', path, path]),
      ...[...new Set(readable)]
        .filter((path) => path !== '/')
        .flatMap((path) => ['--ro-bind-try', path, path]),
      ...(socketPath === null ? [] : ['--bind', socketPath, socketPath]),
      ...['--chdir', '/', '--', program.file, ...program.args],
    ],
    env: program.env ?? {},
    hidesProcesses: true,
  }
}
