import { describe, expect, it } from 'vitest'
import { Emitter } from './events'

describe('an emitter', () => {
  it('fires in the order of subscription, each subscription for itself', () => {
    const emitter = new Emitter<number>()
    const heard: string[] = []
    const twice = (value: number) => heard.push(`twice ${value}`)
    const first = emitter.event(twice)
    emitter.event((value) => heard.push(`other ${value}`))
    emitter.event(twice)
    emitter.fire(1)
    first()
    first()
    emitter.fire(2)
    expect(heard).toEqual(['twice 1', 'other 1', 'twice 1', 'other 2', 'twice 2'])
  })

  it('reports a listener that throws, and the others still hear', () => {
    const errors: unknown[] = []
    const emitter = new Emitter<number>((error) => errors.push(error))
    const heard: number[] = []
    const problem = new Error('bug')
    emitter.event(() => {
      throw problem
    })
    emitter.event((value) => heard.push(value))
    emitter.fire(7)
    expect([errors, heard]).toEqual([[problem], [7]])
  })

  it('does not call who was unsubscribed by a listener before, nor who came during the firing', () => {
    const emitter = new Emitter<void>()
    const heard: string[] = []
    emitter.event(() => {
      stop()
      emitter.event(() => heard.push('late'))
    })
    const stop = emitter.event(() => heard.push('stopped'))
    emitter.fire()
    expect(heard).toEqual([])
  })
})
