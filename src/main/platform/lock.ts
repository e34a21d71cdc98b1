import Sqlite from 'libsql'
import { AppError } from '../../shared/errors'
import { codeOf } from './error-code'
import type { Disposable } from './events'
import { ensurePrivateFile } from './files'

/**
 * Claims a folder for this process by an exclusive SQLite transaction on `file`, held open. The operating system drops
 * such a lock when the process dies, however it dies; a file with a pid would outlive it.
 * @throws AppError `system.already_running` when another process holds it
 */
export function claim(file: string): Disposable {
  ensurePrivateFile(file)
  const sqlite = new Sqlite(file)
  try {
    sqlite.exec('PRAGMA busy_timeout = 500; BEGIN EXCLUSIVE')
  } catch (error) {
    sqlite.close()
    if (!codeOf(error)?.startsWith('SQLITE_BUSY')) throw error
    throw new AppError(
      'system.already_running',
      'LLMAgentOS already runs on this data folder. Use that one, or choose another folder with --data-dir.',
      {},
      { cause: error },
    )
  }
  return {
    dispose() {
      if (sqlite.inTransaction) sqlite.exec('ROLLBACK')
      sqlite.close()
    },
  }
}
