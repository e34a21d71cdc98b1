import { existsSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import { realPath } from '../platform/folders'
import { withoutPrivate } from './sandbox'

/**
 * Python by itself; without writing compiled files, which would change the folder of a plugin; and with what it prints
 * going out at once, so that it is in the log of the job that it belongs to.
 */
export const PYTHON_ARGS: readonly string[] = ['-I', '-B', '-u']

/** On macOS it runs the Python of one of these; where there is none it opens a dialog that offers to install them. */
const APPLE_STUB = '/usr/bin/python3'
const APPLE_TOOLS = [
  '/var/db/xcode_select_link',
  '/Library/Developer/CommandLineTools',
  '/Applications/Xcode.app/Contents/Developer',
]

/** Where a Python may be, most likely first; the system's own too, since another may stand in front of it. */
export function findPythons(
  platform = process.platform,
  exists: (path: string) => boolean = existsSync,
): string[] {
  const names = platform === 'win32' ? ['python.exe', 'python3.exe'] : ['python3', 'python']
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  const usual = platform === 'win32' ? [] : ['/usr/bin/python3', '/usr/local/bin/python3']
  const isStub = platform === 'darwin' && !APPLE_TOOLS.some((tools) => exists(join(tools, 'usr/bin/python3')))
  return [...new Set([...found, ...usual])].filter((file) => exists(file) && !(isStub && file === APPLE_STUB))
}

/** The folder that a program and its libraries are installed in: `/usr` for `/usr/bin/python3`. */
const prefixOf = (file: string): string => dirname(dirname(file))

/**
 * By which path a Python is started in a sandbox, and what it has to read there: a virtual environment is known by the
 * link that leads out of it, any other link may as well be followed before.
 */
export function installedPython(
  found: string,
  dataDir: string | undefined,
): { file: string; reads: string[] } {
  const real = realPath(found)
  const [prefix] = withoutPrivate([prefixOf(found)], dataDir)
  return prefix === undefined
    ? { file: real, reads: [real, ...withoutPrivate([prefixOf(real)], dataDir)] }
    : { file: found, reads: withoutPrivate([prefix, prefixOf(real)], dataDir) }
}
