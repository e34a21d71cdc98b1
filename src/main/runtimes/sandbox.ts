import { existsSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import type { Program } from '../platform/processes'
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

/** The absolute path of bubblewrap (https://github.com/containers/bubblewrap); null where it is not installed. */
export function findBubblewrap(): string | null {
  if (process.platform !== 'linux') return null
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  return (
    [...folders, '/usr/bin'].map((folder) => join(folder, 'bwrap')).find((file) => existsSync(file)) ?? null
  )
}

/**
 * The same program with no network, no other processes, no files to write, and none to read but the system's libraries,
 * its own, and those of the model. It dies with the system.
 * @param readsFrom folders of the program itself
 */
export function inBubblewrap(
  bubblewrap: string,
  program: Program,
  readsFrom: readonly string[],
  { entry, socketPath, files }: WorkerStart,
): Program {
  const readable = [...SYSTEM, dirname(dirname(program.file)), ...readsFrom, entry, ...files]
  return {
    file: bubblewrap,
    args: [
      '--unshare-all',
      '--die-with-parent',
      '--new-session',
      ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
      ...[...new Set(readable)]
        .filter((path) => path !== '/')
        .flatMap((path) => ['--ro-bind-try', path, path]),
      ...(socketPath === null ? [] : ['--bind', socketPath, socketPath]),
      ...['--chdir', '/', '--', program.file, ...program.args],
    ],
    env: program.env ?? {},
  }
}
