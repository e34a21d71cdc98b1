import { resolve } from 'node:path'

/** Bundles the inspecting process as the real build does, for tests that run without one. @returns the entry's path */
export function buildInspectWorker(folder: string): Promise<string> {
  return bundle(resolve(import.meta.dirname, '../import/inspect-worker.ts'), folder, 'inspect.cjs')
}

/** Bundles the process that crash tests kill. */
export function buildCrashChild(folder: string): Promise<string> {
  return bundle(resolve(import.meta.dirname, 'crash-child.ts'), folder, 'crash-child.cjs')
}

async function bundle(entry: string, folder: string, name: string): Promise<string> {
  const { build } = await import('vite')
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: entry,
      outDir: folder,
      target: 'node18',
      emptyOutDir: false,
      rolldownOptions: { external: ['libsql'], output: { format: 'cjs', entryFileNames: name } },
    },
    ssr: { noExternal: true, external: ['libsql'] },
  })
  return resolve(folder, name)
}
