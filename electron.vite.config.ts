import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'
import type { Plugin } from 'vite'
import packageJson from './package.json' with { type: 'json' }

const root = import.meta.dirname
const shared = { '@shared': resolve(root, 'src/shared') }

/** Everything that starts in a process of its own: where it is built to, and what it is built from. */
const mainEntries: Record<string, string> = {
  index: 'src/main/index.ts',
  headless: 'src/main/headless.ts',
  system: 'src/main/system.ts',
  corpus: 'src/main/storage/import/corpus-command.ts',
  simulate: 'src/main/compute/schedule/replay/simulate-command.ts',
  schedule: 'src/main/compute/schedule/command.ts',
  'schedule-bench': 'src/main/compute/schedule/bench-command.ts',
  'workers/onnx': 'src/main/runtimes/onnx/worker.ts',
  'workers/tfjs': 'src/main/runtimes/tfjs/worker.ts',
  'workers/llama': 'src/main/runtimes/llama/worker.ts',
  'workers/synthetic': 'src/main/runtimes/synthetic/worker.ts',
  'workers/inspect': 'src/main/storage/import/inspect-worker.ts',
  'workers/replay': 'src/main/compute/predictions/replay-worker.ts',
  'workers/json': 'src/main/rpc/transports/json-body-worker.ts',
}

/** What stays outside the bundle: native modules and packages that carry data files. */
const external = [...Object.keys(packageJson.dependencies), ...Object.keys(packageJson.optionalDependencies)]

/** Workers that are not built: they are copied beside the others. */
const copied = { 'workers/pytorch.py': 'src/main/runtimes/pytorch/worker.py' }

const copyWorkers: Plugin = {
  name: 'copy-workers',
  generateBundle() {
    for (const [fileName, file] of Object.entries(copied))
      this.emitFile({ type: 'asset', fileName, source: readFileSync(resolve(root, file)) })
  },
}

const commonJs = {
  format: 'cjs' as const,
  entryFileNames: '[name].cjs',
  chunkFileNames: 'chunks/[name]-[hash].cjs',
}

function present(entries: Record<string, string>): Record<string, string> {
  const missing = Object.values(entries).filter((file) => !existsSync(resolve(root, file)))
  if (missing.length > 0) console.warn(`Not built, because not there: ${missing.join(', ')}`)
  return Object.fromEntries(
    Object.entries(entries)
      .filter(([, file]) => !missing.includes(file))
      .map(([name, file]) => [name, resolve(root, file)]),
  )
}

const mainInput = present(mainEntries)
const preloadInput = present({ index: 'src/preload/index.ts' })
const rendererInput = present({ index: 'src/renderer/index.html' })

export default defineConfig({
  main:
    Object.keys(mainInput).length > 0
      ? {
          resolve: { alias: shared },
          plugins: [copyWorkers],
          build: {
            target: 'node18',
            sourcemap: true,
            minify: false,
            externalizeDeps: { include: external },
            rolldownOptions: {
              input: mainInput,
              // `ws` asks for these two inside a try block and runs without them.
              external: ['bufferutil', 'utf-8-validate'],
              output: commonJs,
            },
          },
        }
      : undefined,
  preload:
    Object.keys(preloadInput).length > 0
      ? {
          resolve: { alias: shared },
          build: {
            target: 'node18',
            sourcemap: true,
            // A sandboxed preload can require nothing but `electron`, so all of it is one file.
            externalizeDeps: false,
            rolldownOptions: { input: preloadInput, output: commonJs },
          },
        }
      : undefined,
  renderer:
    Object.keys(rendererInput).length > 0
      ? {
          root: resolve(root, 'src/renderer'),
          plugins: [react()],
          resolve: { alias: shared },
          build: {
            target: 'chrome114',
            // The strict CSP allows no `data:` scripts or fonts, so nothing is inlined.
            assetsInlineLimit: 0,
            chunkSizeWarningLimit: 4096,
            minify: true,
            rolldownOptions: { input: rendererInput },
          },
        }
      : undefined,
})
