import pino, { type Logger } from 'pino'

export type { Logger }

/** JSON lines to stderr, so that stdout stays free for a command's answer. Secrets never go into a log. */
export function createLogger(level = process.env['LLMAGENTOS_LOG'] ?? 'info'): Logger {
  return pino(
    { level, redact: ['key', 'password', '*.key', '*.password', 'authorization'] },
    pino.destination({ dest: 2, sync: true }),
  )
}
