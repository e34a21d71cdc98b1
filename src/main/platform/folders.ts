import { realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, relative, sep } from 'node:path'

/** Where the data lies when nobody says otherwise, by the custom of each platform; the desktop and `serve` share it. */
export function defaultDataDir(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  const explicit = env['LLMAGENTOS_DATA_DIR']
  if (explicit) return explicit
  if (platform === 'win32')
    return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'LLMAgentOS')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'LLMAgentOS')
  return join(env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'llmagentos')
}

/** Whether `path` is `folder` or lies in it. */
export function holds(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

/** Where a link leads to; the path itself when it leads nowhere, which using it will say. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
