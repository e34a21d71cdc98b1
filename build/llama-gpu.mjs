// npm run llama:gpu -- cuda|vulkan: brings the files with which llama.cpp computes on a GPU. They are so large that
// `overrides` in package.json puts an empty package in their place; this puts them there until packages are installed anew.

import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { prepare } from './prepare.mjs'
import { capture, fail, npm, PrepareError, root } from './process.mjs'
import { say } from './progress.mjs'

/** CUDA 12 and GPUs that CUDA 13 has left behind are in a package of their own. */
const PARTS = { cuda: ['cuda', 'cuda-ext'], vulkan: ['vulkan'] }
const SYSTEMS = { linux: 'linux', win32: 'win' }

await bring(process.argv[2]).catch(fail)

async function bring(backend) {
  const parts = PARTS[backend]
  const system = SYSTEMS[process.platform]
  if (!parts)
    throw new PrepareError('Usage: npm run llama:gpu -- cuda, or vulkan for a GPU that is not of NVIDIA.')
  if (!system || process.arch !== 'x64') {
    throw new PrepareError(
      'There are such files for Linux and Windows with x64 processors only; on a Mac Metal is there already.',
    )
  }
  await prepare({ need: ['deps'] })
  const packages = join(root, 'node_modules')
  const { version } = JSON.parse(await readFile(join(packages, 'node-llama-cpp', 'package.json'), 'utf8'))
  for (const part of parts) await install(`@node-llama-cpp/${system}-x64-${part}`, version, packages)
}

/** Beside its place first: what was there goes only when all of the new is there. */
async function install(name, version, packages) {
  say(`  Fetching ${name} ${version} ...`)
  const cache = join(packages, '.cache')
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'llama-gpu-'))
  try {
    const [{ filename }] = JSON.parse(await npm(['pack', '--json', `${name}@${version}`], { cwd: folder }))
    await capture('tar', ['-xzf', filename], { cwd: folder })
    await rm(join(packages, name), { recursive: true, force: true })
    await rename(join(folder, 'package'), join(packages, name))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
