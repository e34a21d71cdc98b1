import { type ParseArgsConfig, parseArgs } from 'node:util'

// What the commands of this folder read from the command line.

/** The arguments are wrong, not what they name: how to use the command is to be told with it. */
export class UsageError extends Error {}

/** As `parseArgs`. @throws UsageError */
export function readArguments<Config extends ParseArgsConfig>(
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** NaN for what is no number; to `Number` nothing is 0. */
export function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}
