import type { TextPiece } from '@shared/contract'
import { afterEach, expect, it, vi } from 'vitest'
import { useConnection } from '../../lib/client'
import { followTexts, type OpenTexts } from './follow-texts'

// The words of errors are in the language of the browser.
vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }))

const connect = () => useConnection.setState(({ epoch }) => ({ status: 'connected', epoch: epoch + 1 }))
const piece = (at: number, text: string): TextPiece => ({ completion: 0, at, text })

afterEach(() => {
  useConnection.setState({ status: 'connecting', epoch: 0 })
  vi.unstubAllGlobals()
})

it('an answer that a dropped connection cut is whole after the next', async () => {
  vi.stubGlobal('requestAnimationFrame', setTimeout)
  vi.stubGlobal('cancelAnimationFrame', clearTimeout)
  const shown: string[][] = []
  const streams: (() => AsyncGenerator<TextPiece>)[] = [
    async function* () {
      yield piece(0, 'One model ')
      await new Promise((_, reject) => {
        const stop = useConnection.subscribe(() => {
          stop()
          reject(new Error('The connection is gone.'))
        })
      })
    },
    async function* () {
      yield piece(0, 'One model wakes')
      yield piece(15, ', reads the queue')
    },
  ]
  const open: OpenTexts = async () => streams.shift()?.() ?? Promise.reject(new Error('asked for once more'))
  connect()
  const stop = followTexts(open, (texts) => shown.push(texts))
  await expect.poll(() => shown.at(-1)).toEqual(['One model '])
  useConnection.setState({ status: 'lost' })
  connect()
  await expect.poll(() => shown.at(-1)).toEqual(['One model wakes, reads the queue'])
  stop()
  connect()
  expect(streams).toHaveLength(0)
})
