import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { askWorker } from '../platform/processes'
import { findPythons, installedPython } from './python'
import { inBubblewrap, trySandbox, withoutPrivate } from './sandbox'

const SYSTEM_PYTHON = '/usr/bin/python3'

let home: string
let dataDir: string
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'home-')))
  dataDir = join(home, '.local/share/llmagentos')
  await mkdir(dataDir, { recursive: true })
  vi.stubEnv('HOME', home)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(home, { recursive: true })
})

async function link(path: string, target: string): Promise<string> {
  const file = join(home, path)
  await mkdir(dirname(file), { recursive: true })
  await symlink(target, file)
  return file
}

it.runIf(process.platform !== 'win32')('passes over the Python of macOS that only asks to install it', () => {
  vi.stubEnv('PATH', '/opt/homebrew/bin:/usr/bin')
  const there = (more: string[]) => (file: string) =>
    ['/usr/bin/python3', '/opt/homebrew/bin/python3', ...more].includes(file)
  const both = ['/opt/homebrew/bin/python3', '/usr/bin/python3']
  expect(findPythons('linux', there([]))).toEqual(both)
  expect(findPythons('darwin', there([]))).toEqual(['/opt/homebrew/bin/python3'])
  const tools = '/Library/Developer/CommandLineTools/usr/bin/python3'
  expect(findPythons('darwin', there([tools]))).toEqual(both)
})

describe.runIf(process.platform !== 'win32')('what a Python has to read in a sandbox', () => {
  it('is never all of the home folder nor of the data folder: a link is followed before', async () => {
    const real = join(home, 'pythons/3.12/bin/python3')
    await mkdir(dirname(real), { recursive: true })
    await writeFile(real, '')
    const expected = { file: real, reads: [real, join(home, 'pythons/3.12')] }
    expect(installedPython(await link('bin/python3', real), dataDir)).toEqual(expected)
    expect(installedPython(await link('.local/bin/python3', real), dataDir)).toEqual(expected)
  })

  it('is the file alone where the program itself lies there', async () => {
    const file = join(home, '.local/bin/python3')
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, '')
    expect(installedPython(file, dataDir)).toEqual({ file, reads: [file] })
  })

  it('is a virtual environment and what it was made from, by the link that it is known by', async () => {
    const file = await link('project/.venv/bin/python3', SYSTEM_PYTHON)
    expect(installedPython(file, dataDir)).toMatchObject({
      file,
      reads: [join(home, 'project/.venv'), '/usr'],
    })
  })

  it('holds nothing private by another name', async () => {
    const other = await link('elsewhere', home)
    const inside = join(home, 'lib')
    expect(withoutPrivate([home, dirname(home), other, dirname(dataDir), inside], dataDir)).toEqual([inside])
  })

  it('shows no file of the home folder to what runs there', async ({ skip }) => {
    const sandbox = await trySandbox()
    if (sandbox.file === null || !existsSync(SYSTEM_PYTHON)) return skip()
    const secret = join(home, '.ssh/id_ed25519')
    await mkdir(dirname(secret))
    await writeFile(secret, 'secret')
    const entry = join(home, 'project/look.py')
    await mkdir(dirname(entry))
    await writeFile(entry, `import os\nprint(os.path.exists(${JSON.stringify(secret)}))\n`)
    const { file, reads } = installedPython(await link('bin/python3', SYSTEM_PYTHON), dataDir)
    const start = { entry, socketPath: null, files: [], options: '' }
    const program = inBubblewrap(sandbox.file, { file, args: ['-I'], env: {} }, reads, start)
    expect(await askWorker({ entry, program }, 20_000)).toMatchObject({
      stdout: 'False\n',
      stderr: '',
      code: 0,
    })
  })
})
