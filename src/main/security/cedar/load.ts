import { createRequire } from 'node:module'

export type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs')

const nodeRequire = createRequire(import.meta.url)

/** The file of the engine, for a thread that loads its own. */
export function cedarPath(): string {
  return nodeRequire.resolve('@cedar-policy/cedar-wasm/nodejs')
}

/**
 * A new instance of the engine, with memory of its own. The package keeps one instance for a process; an instance that
 * ran out of its stack answers every later call with `memory access out of bounds`, so we must be able to replace it.
 */
export function loadCedar(): Cedar {
  const path = cedarPath()
  delete nodeRequire.cache[path]
  return nodeRequire(path) as Cedar
}
