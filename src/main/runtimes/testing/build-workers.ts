import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build } from 'vite'

const root = resolve(import.meta.dirname, '../../../..')

const ENTRIES = {
  onnx: 'src/main/runtimes/onnx/worker.ts',
  tfjs: 'src/main/runtimes/tfjs/worker.ts',
  llama: 'src/main/runtimes/llama/worker.ts',
  synthetic: 'src/main/runtimes/synthetic/worker.ts',
}

/**
 * Builds the workers as the product does, into a folder of its own below `node_modules`, where what they require is
 * found. `more` adds entries by name; paths are relative to the root.
 */
export async function buildWorkers(
  more: Record<string, string> = {},
): Promise<{ dir: string; dispose(): Promise<void> }> {
  const cache = join(root, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  const dir = await mkdtemp(join(cache, 'test workers-'))
  const { dependencies, optionalDependencies } = JSON.parse(
    await readFile(join(root, 'package.json'), 'utf8'),
  )
  const external = [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]
  const input = Object.fromEntries(
    Object.entries({ ...ENTRIES, ...more }).map(([name, path]) => [name, resolve(root, path)]),
  )
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    ssr: { noExternal: true, external },
    build: {
      ssr: true,
      target: 'node18',
      minify: false,
      outDir: dir,
      rolldownOptions: {
        input,
        external,
        output: { format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: 'chunks/[name]-[hash].cjs' },
      },
    },
  })
  await copyFile(join(root, 'src/main/runtimes/pytorch/worker.py'), join(dir, 'pytorch.py'))
  return { dir, dispose: () => rm(dir, { recursive: true, force: true }) }
}
