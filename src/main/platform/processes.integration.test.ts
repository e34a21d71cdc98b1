import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { processGone } from '../runtimes/testing/fixtures'
import { askWorker, spawnWorker } from './processes'

const busyFor = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

const shell = { file: '/bin/sh', args: ['-c'] }

describe.runIf(process.platform !== 'win32')('asking a program', () => {
  it('ends what it has started and left behind', async () => {
    const answer = await askWorker({ entry: 'sleep 60 & echo $!', program: shell }, 60_000)
    expect(answer).toMatchObject({ code: 0, timedOut: false, error: null })
    await processGone(Number(answer.stdout))
  }, 10_000)

  it('does not wait for another one that has its streams', async () => {
    const program = { file: process.execPath, args: ['-e'] }
    const entry = `
      const options = { detached: true, stdio: 'inherit' }
      const left = require('node:child_process').spawn('sleep', ['60'], options)
      console.log(left.pid)
      left.unref()`
    const answer = await askWorker({ entry, program }, 60_000)
    expect(answer).toMatchObject({ code: 0, timedOut: false, error: null })
    // It has left the group, and is still there.
    process.kill(Number(answer.stdout))
  }, 10_000)

  it('hears what was said last, however long this process has been busy', async () => {
    // Because of the first this process is busy until the second has ended, whose end is then seen before its words are
    // read, and again from then on.
    const first = spawnWorker({ entry: 'printf said', program: shell })
    first.stdout.once('data', () => busyFor(1_500))
    first.on('exit', () => setImmediate(() => busyFor(1_000)))
    const answer = askWorker({ entry: 'sleep 1; printf said', program: shell }, 20_000)
    busyFor(500)
    expect(await answer).toMatchObject({ stdout: 'said', code: 0 })
  })

  it('says so where it cannot even be tried', async () => {
    const program = { file: join(process.execPath, 'below-a-file'), args: [] }
    expect(await askWorker({ entry: '', program }, 1000)).toMatchObject({ error: { code: 'ENOTDIR' } })
  })
})
