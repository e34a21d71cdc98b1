import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Feed } from '../../shared/contract'
import { Emitter } from './events'
import { feed } from './feed'

interface Thing {
  id: string
  value: number
}

/** A collection that tells of its changes, as the modules do. */
function collection(initial: Thing[] = []) {
  const things = new Map(initial.map((thing) => [thing.id, thing]))
  const changes = new Emitter<{ changed: Thing[]; removed: string[] }>()
  return {
    list: () => [...things.values()],
    onDidChange: changes.event,
    set(id: string, value: number) {
      things.set(id, { id, value })
      changes.fire({ changed: [{ id, value }], removed: [] })
    },
    remove(id: string) {
      things.delete(id)
      changes.fire({ changed: [], removed: [id] })
    },
  }
}

async function next<T>(iterator: AsyncGenerator<T>): Promise<T> {
  const { value, done } = await iterator.next()
  if (done) throw new Error('The feed has ended.')
  return value
}

/** What a client knows after these events; throws on a gap. */
function apply(known: Map<string, Thing>, event: Feed<Thing>, revision: number): void {
  expect(event.revision).toBe(revision)
  if (event.type === 'snapshot') for (const item of event.items) known.set(item.id, item)
  else {
    for (const item of event.changed) known.set(item.id, item)
    for (const id of event.removed) known.delete(id)
  }
}

describe('a feed', () => {
  it('begins with a snapshot, in parts when it is long, also when it is empty', async () => {
    const empty = feed(() => [], new Emitter<{ changed: Thing[]; removed: string[] }>().event, undefined)
    expect(await next(empty)).toEqual({ type: 'snapshot', revision: 0, items: [], more: false })
    await empty.return(undefined)
    const many = collection(Array.from({ length: 1200 }, (_, value) => ({ id: `${value}`, value })))
    const events = feed(many.list, many.onDidChange, undefined)
    const parts = [await next(events), await next(events), await next(events)]
    expect(
      parts.map((part) => part.type === 'snapshot' && [part.revision, part.items.length, part.more]),
    ).toEqual([
      [0, 500, true],
      [1, 500, true],
      [2, 200, false],
    ])
    await events.return(undefined)
  })

  it('tells a change that happens while the parts of the snapshot are read', async () => {
    const many = collection(Array.from({ length: 600 }, (_, value) => ({ id: `${value}`, value })))
    const events = feed(many.list, many.onDidChange, undefined, 0)
    const known = new Map<string, Thing>()
    apply(known, await next(events), 0)
    many.remove('599')
    many.set('0', -1)
    apply(known, await next(events), 1)
    apply(known, await next(events), 2)
    expect(known.has('599')).toBe(false)
    expect(known.get('0')?.value).toBe(-1)
    await events.return(undefined)
  })

  it('says nothing of the end of what its reader was never shown', async () => {
    const things = collection([
      { id: 'theirs', value: 1 },
      { id: 'others', value: 1 },
    ])
    const mine = () => things.list().filter(({ id }) => id !== 'others')
    const events = feed(mine, things.onDidChange, undefined, 0)
    await next(events)
    things.remove('others')
    things.remove('theirs')
    expect(await next(events)).toMatchObject({ changed: [], removed: ['theirs'] })
    things.set('brief', 1)
    things.remove('brief')
    things.set('theirs', 2)
    expect(await next(events)).toMatchObject({ changed: [{ id: 'theirs' }], removed: [] })
    await events.return(undefined)
  })

  it('memory blow-up: a reader who stood still begins anew, and is told what comes then', async () => {
    const things = collection()
    const events = feed(things.list, things.onDidChange, undefined, 0)
    await next(events)
    for (let i = 0; i <= 10_000; i++) things.set(`${i}`, i)
    for (let i = 0; i < 9_999; i++) things.remove(`${i}`)
    expect(await next(events)).toEqual({ type: 'snapshot', revision: 1, items: things.list(), more: false })
    things.set('10000', -1)
    expect(await next(events)).toMatchObject({ type: 'change', changed: [{ id: '10000', value: -1 }] })
    await events.return(undefined)
  })

  it('memory blow-up: a log without end begins anew now and then', async () => {
    const log = collection()
    const events = feed(() => [], log.onDidChange, undefined, 0)
    await next(events)
    for (let i = 0; i <= 100_000; i += 9_091) {
      for (let j = i; j < i + 9_091; j++) log.set(`${j}`, j)
      expect((await next(events)).type).toBe('change')
    }
    expect(await next(events)).toMatchObject({ type: 'snapshot', revision: 12 })
    await events.return(undefined)
  })

  it('ends when it is aborted, also while it waits, and lets go of the collection', async () => {
    const things = collection()
    let subscribed = 0
    const onDidChange: typeof things.onDidChange = (listener) => {
      subscribed++
      const stop = things.onDidChange(listener)
      return () => {
        subscribed--
        stop()
      }
    }
    const controller = new AbortController()
    const events = feed(things.list, onDidChange, controller.signal)
    await next(events)
    const waiting = events.next()
    expect(subscribed).toBe(1)
    controller.abort()
    expect((await waiting).done).toBe(true)
    expect(subscribed).toBe(0)
  })

  it('brings every client to the same state, whatever happens in between', async () => {
    const change = fc.record({
      id: fc.constantFrom('a', 'b', 'c'),
      value: fc.option(fc.nat()),
      read: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 30 }), async (changes) => {
        const things = collection([{ id: 'a', value: -1 }])
        const controller = new AbortController()
        const events = feed(things.list, things.onDidChange, controller.signal, 0)
        const known = new Map<string, Thing>()
        let revision = 0
        const pending = new Set<string>()
        apply(known, await next(events), revision++)
        for (const { id, value, read } of changes) {
          if (value === null) things.remove(id)
          else things.set(id, value)
          // The end of what the client was never shown is not told.
          if (value !== null || known.has(id)) pending.add(id)
          else pending.delete(id)
          if (!read || pending.size === 0) continue
          apply(known, await next(events), revision++)
          pending.clear()
        }
        if (pending.size > 0) apply(known, await next(events), revision++)
        expect([...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
          things.list().sort((a, b) => (a.id < b.id ? -1 : 1)),
        )
        controller.abort()
        await events.return(undefined)
      }),
      { numRuns: 50 },
    )
  })
})
