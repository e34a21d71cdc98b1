import { resolve } from 'node:path'

/** Bundles the inspecting process as the real build does, for tests that run without one. @returns the entry's path */
export async function buildInspectWorker(folder: string): Promise<string> {
  const { build } = await import('vite')
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: resolve(import.meta.dirname, '../import/inspect-worker.ts'),
      outDir: folder,
      target: 'node18',
      emptyOutDir: false,
      rolldownOptions: { output: { format: 'cjs', entryFileNames: 'inspect.cjs' } },
    },
    ssr: { noExternal: true },
  })
  return resolve(folder, 'inspect.cjs')
}
