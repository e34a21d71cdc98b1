import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeFrame } from '../../runtimes/frames'
import { WorkerSocket } from './worker-socket'

let socket: WorkerSocket

beforeEach(async () => {
  socket = await WorkerSocket.open()
})
afterEach(() => socket.close())

async function isClosed(say: (to: ReturnType<typeof connect>) => void): Promise<boolean> {
  const stranger = connect(socket.path)
  stranger.on('error', () => stranger.destroy())
  say(stranger)
  await once(stranger, 'close')
  return stranger.destroyed
}

describe('WorkerSocket', () => {
  it('hands over the worker that shows its token, once', async () => {
    const expected = socket.expect()
    const worker = connect(socket.path)
    writeFrame(worker, { type: 'hello', protocol: 1, token: expected.token })
    const ours = await expected.connected
    expect(ours.destroyed).toBe(false)
    const again = await isClosed((to) =>
      writeFrame(to, { type: 'hello', protocol: 1, token: expected.token }),
    )
    expect(again).toBe(true)
    worker.destroy()
    ours.destroy()
  })

  it('closes on a guessed token, another protocol, garbage, and more than a hello', async () => {
    const { token } = socket.expect()
    const hello = { type: 'hello', protocol: 1, token }
    expect(await isClosed((to) => writeFrame(to, { ...hello, token: '0'.repeat(64) }))).toBe(true)
    expect(await isClosed((to) => writeFrame(to, { ...hello, protocol: 2 }))).toBe(true)
    expect(await isClosed((to) => writeFrame(to, { ...hello, padding: 'x'.repeat(2000) }))).toBe(true)
    expect(await isClosed((to) => writeFrame(to, hello, new Uint8Array(1)))).toBe(true)
    expect(await isClosed((to) => to.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))).toBe(true)
  })

  it('takes no token that was given up', async () => {
    const expected = socket.expect()
    expected.forget()
    expect(
      await isClosed((to) => writeFrame(to, { type: 'hello', protocol: 1, token: expected.token })),
    ).toBe(true)
  })

  it('keeps strangers from piling up', async () => {
    const strangers = Array.from({ length: 80 }, () => connect(socket.path).on('error', () => {}))
    await Promise.race(strangers.map((stranger) => once(stranger, 'close')))
    for (const stranger of strangers) stranger.destroy()
  })

  it('hands over a worker that comes after strangers who keep silent, for whom the first of those make room', async () => {
    const strangers = Array.from({ length: 80 }, () => connect(socket.path).on('error', () => {}))
    const { token, connected } = socket.expect()
    const worker = connect(socket.path).on('error', () => {})
    writeFrame(worker, { type: 'hello', protocol: 1, token })
    const ours = await connected
    const sentAway = () => strangers.filter(({ destroyed }) => destroyed).length
    await expect.poll(sentAway).toBeGreaterThan(80 - 64)
    expect(ours.destroyed).toBe(false)
    for (const stranger of strangers) stranger.destroy()
    worker.destroy()
    ours.destroy()
  })

  describe.runIf(process.platform !== 'win32')('in a folder that all users share', () => {
    const isRoot = process.getuid?.() === 0
    let base: string
    beforeEach(async () => {
      base = await mkdtemp(join(tmpdir(), 'base-'))
      await chmod(base, 0o1777)
    })
    afterEach(async () => {
      if (isRoot) process.seteuid?.(0)
      await chmod(base, 0o700)
      await rm(base, { recursive: true })
    })

    /** A folder with a socket where nobody listens any more. */
    async function deserted(): Promise<string> {
      const folder = join(base, 'llmagentos-worker-dead')
      await mkdir(folder)
      const server = createServer().listen(join(folder, 'before'))
      await once(server, 'listening')
      await rename(join(folder, 'before'), join(folder, 'w'))
      await new Promise((resolve) => server.close(resolve))
      await chmod(join(folder, 'w'), 0o777)
      return folder
    }

    it('removes what a system that was killed has left', async () => {
      const folder = await deserted()
      await (await WorkerSocket.open(base)).close()
      expect(existsSync(folder)).toBe(false)
    })

    it.runIf(isRoot)('leaves alone what another user has left, and opens beside it', async () => {
      const folder = await deserted()
      process.seteuid?.(12_345)
      await (await WorkerSocket.open(base)).close()
      process.seteuid?.(0)
      await chown(folder, 12_345, 12_345)
      await (await WorkerSocket.open(base)).close()
      expect(existsSync(join(folder, 'w'))).toBe(true)
    })

    it('opens where it may not list what there is', async () => {
      await chmod(base, 0o1333)
      if (isRoot) process.seteuid?.(12_345)
      await (await WorkerSocket.open(base)).close()
    })
  })

  it.runIf(process.platform !== 'win32')('lies where only we may look, and is gone when closed', async () => {
    const folder = dirname(socket.path)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(statSync(socket.path).mode & 0o777).toBe(0o600)
    expect(Buffer.byteLength(socket.path)).toBeLessThan(104)
    await socket.close()
    expect(existsSync(folder)).toBe(false)
    socket = await WorkerSocket.open()
  })
})
