import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
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
