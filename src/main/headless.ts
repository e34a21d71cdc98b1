import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { ApiKey } from '../shared/contract'
import { AppError } from '../shared/errors'
import { codeOf } from './platform/error-code'
import { writeFileAtomic } from './platform/files'
import { defaultDataDir } from './platform/folders'
import { createLogger } from './platform/logger'
import { ownerName } from './platform/owner-name'
import { randomKey } from './security'
import { createSystem, type System } from './system'

/** The system in plain Node, without a window: `npm run serve -- [--data-dir DIR] [--port N] [--json]`. */
async function main(): Promise<void> {
  const options = readOptions()
  const logger = createLogger(process.env['LLMAGENTOS_LOG'] ?? (options.json ? 'info' : 'warn'))
  const ownerKey = process.env['LLMAGENTOS_OWNER_KEY']
  if (ownerKey !== undefined && ownerKey.length < 32) {
    throw new AppError('system.invalid', 'LLMAGENTOS_OWNER_KEY must have 32 characters or more.')
  }
  const system = await createSystem({
    dataDir: options.dataDir,
    port: options.port,
    ownerName: ownerName(),
    ownerKey,
    logger,
    workersDir: join(__dirname, 'workers'),
    resourcesDir: join(__dirname, '..', '..', 'resources'),
    rendererDir: join(__dirname, '..', 'renderer'),
  })
  stopOnSignals(system)
  const url = await system.start()
  const keyFile = await ensureKeyFile(system, options.dataDir)
  if (options.json) process.stdout.write(`${JSON.stringify({ event: 'ready', url, pid: process.pid })}\n`)
  else
    process.stdout.write(
      `LLMAgentOS is ready at ${url}\n${keyFile ? `Sign in with the owner's key in ${keyFile}\n` : ''}`,
    )
}

function readOptions(): { dataDir: string; port: number | undefined; json: boolean } {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      'data-dir': { type: 'string' },
      port: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const port = values.port === undefined ? undefined : Number(values.port)
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65535)) {
    throw new AppError('system.invalid', '--port wants a number from 0 to 65535.')
  }
  return { dataDir: resolve(values['data-dir'] ?? defaultDataDir()), port, json: values.json }
}

/**
 * Without a window the owner needs a key: one that has none that is good is given one, in a file that only the owner
 * may read. @returns null where the owner has a key that lies elsewhere
 */
async function ensureKeyFile({ security }: System, dataDir: string): Promise<string | null> {
  const file = join(dataDir, 'owner.key')
  const owner = security.owner().principal
  const isGood = ({ revokedAt, expiresAt, scopes }: ApiKey) =>
    revokedAt === null && scopes === undefined && (expiresAt === null || Date.parse(expiresAt) > Date.now())
  const good = security.getPrincipal(owner).keys.filter(isGood)
  if (good.length > 0) {
    const inFile = security.authenticateKey(readKey(file), 'http')
    return good.some(({ id }) => id === inFile?.key) ? file : null
  }
  // The file first: a key that is good and written down nowhere would keep the owner out for good.
  const text = randomKey()
  await writeFileAtomic(file, `${text}\n`, 0o600)
  security.createKey(owner, { text })
  return file
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    // There is none, or none that can be read.
    return ''
  }
}

function stopOnSignals(system: System): void {
  let signals = 0
  const onSignal = () => {
    // A second Ctrl+C means it.
    if (++signals > 1) process.exit(130)
    system.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

function fail(error: unknown): never {
  const isKnown = error instanceof AppError || codeOf(error) === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
  const words = error instanceof Error ? (isKnown ? error.message : error.stack) : String(error)
  process.stderr.write(`${words}\n`)
  process.exit(1)
}

main().catch(fail)
