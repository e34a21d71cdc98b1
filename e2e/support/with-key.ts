import { rm } from 'node:fs/promises'
import { Serve } from './serve'

const VARIABLE = 'E2E_FOLDER_WITH_KEY'

/** Before all tests: lets the system run once on a data folder of which every app then gets a copy. @returns what removes it */
// biome-ignore lint/style/noDefaultExport: Playwright calls what a file exports so.
export default async function makeFolderWithKey(): Promise<() => Promise<void>> {
  const serve = await Serve.start()
  // Any free port: another app on this machine may have the usual one, and the window would say so.
  const { status } = await serve.call('PATCH', '/settings', { apiPort: 0 })
  if (status !== 200) throw new Error(`any free port is not taken: ${status}`)
  await serve.stop()
  process.env[VARIABLE] = serve.dataDir
  return () => rm(serve.dataDir, { recursive: true, force: true })
}

export function folderWithKey(): string {
  const folder = process.env[VARIABLE]
  if (folder === undefined) throw new Error('no test has begun')
  return folder
}
