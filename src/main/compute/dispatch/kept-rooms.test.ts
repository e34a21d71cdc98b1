import { expect, it } from 'vitest'
import type { JobId } from '../../../shared/domain/ids'
import { atRest } from '../schedule/at-rest'
import { DEFAULT_POLICY, type Kept } from '../schedule/types'
import { KeptRooms } from './kept-rooms'

const NOW = 100_000

/** Jobs by how long they have waited. */
function roomsFor(waitedMs: Record<string, number>) {
  const claimed: string[] = []
  const core = {
    keepRoom({ purpose }: { purpose: string }) {
      claimed.push(purpose)
      return () => void claimed.splice(claimed.indexOf(purpose), 1)
    },
  }
  const index = {
    get: (id: string) => ({
      status: { readyAt: NOW - (waitedMs[id] ?? 0), priority: 50 },
      definition: { name: id, principal: 'p' },
    }),
  }
  const rooms = new KeptRooms(core as never, index as never)
  const devices = [
    {
      id: 'cpu0' as never,
      kind: 'cpu' as const,
      free: {},
      capacity: { cpuCores: 8 },
      healthy: true,
    },
  ]
  const state = atRest({ now: NOW, devices, policy: DEFAULT_POLICY })
  return {
    claimed,
    update: (...kept: [id: string, awaitsEngine: boolean][]) =>
      rooms.update(
        kept.map(([id, awaitsEngine]): Kept => {
          const need = { cpuCores: 6 }
          return {
            job: id as JobId,
            need,
            placement: [{ device: 'cpu0', amounts: need }],
            fitsAt: null,
            awaitsEngine,
          }
        }),
        state,
      ),
  }
}

it('of those that only await engines one has a claim, and keeps it while others come', () => {
  const { claimed, update } = roomsFor({ old: 60_000, older: 90_000, young: 0, wide: 60_000 })
  update(['old', true], ['wide', false])
  expect(claimed).toEqual(['old', 'wide'])
  update(['young', true], ['older', true], ['old', true], ['wide', false])
  expect(claimed).toEqual(['old', 'wide'])
  update(['young', true], ['older', true], ['wide', false])
  expect(claimed).toEqual(['wide', 'older'])
})
