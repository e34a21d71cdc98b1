import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { readCpus } from './topology'

it('knows the CPUs that it may use, with their physical cores and memory nodes', async () => {
  const root = await mkdtemp(join(tmpdir(), 'topology-'))
  const files = {
    'proc/status': 'Name:\tnode\nCpus_allowed:\tb\nCpus_allowed_list:\t0-1,3\n',
    'sys/node/online': '0-1\n',
    'sys/node/node0/cpulist': '0-1\n',
    'sys/node/node1/cpulist': '2-3\n',
    'sys/cpu/cpu0/topology/thread_siblings_list': '0-1\n',
    'sys/cpu/cpu1/topology/thread_siblings_list': '0-1\n',
  }
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), text)
    }
    expect(await readCpus(join(root, 'proc'), join(root, 'sys'))).toEqual([
      { id: 0, core: '0-1', node: 0 },
      { id: 1, core: '0-1', node: 0 },
      { id: 3, core: '3', node: 1 },
    ])
    expect(await readCpus(join(root, 'nothing'))).toEqual([])
  } finally {
    await rm(root, { recursive: true })
  }
})
