import { existsSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join } from 'node:path'

/** Where a Python may be, most likely first; the system's own too, since another may stand in front of it. */
export function findPythons(): string[] {
  const names = process.platform === 'win32' ? ['python.exe', 'python3.exe'] : ['python3', 'python']
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  const usual = process.platform === 'win32' ? [] : ['/usr/bin/python3', '/usr/local/bin/python3']
  return [...new Set([...found, ...usual])].filter((file) => existsSync(file))
}

/** The folder that a program and its libraries are installed in: `/usr` for `/usr/bin/python3`. */
export const prefixOf = (file: string): string => dirname(dirname(file))
