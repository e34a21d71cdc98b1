import { describe, expect, it } from 'vitest'
import { parseRoute, pathTo } from './router'

const bare = (hash: string) => {
  const { page, params } = parseRoute(hash)
  return { page, params }
}

describe('parseRoute', () => {
  it('knows every page and its parameters', () => {
    expect(bare('#/jobs')).toEqual({ page: 'jobs', params: {} })
    expect(bare('#/jobs/j-1')).toEqual({ page: 'jobs', params: { id: 'j-1' } })
    expect(bare('#/models/silero-vad/2')).toEqual({
      page: 'models',
      params: { name: 'silero-vad', version: '2' },
    })
    expect(bare('#/data/digits/1')).toEqual({ page: 'data', params: { name: 'digits', version: '1' } })
    expect(parseRoute('#/jobs?state=failed').query.get('state')).toBe('failed')
  })

  it('goes to the overview for what is no page', () => {
    for (const hash of ['', '#', '#/', '#/nowhere', '#/constructor', 'javascript:alert(1)']) {
      expect(bare(hash)).toEqual({ page: 'overview', params: {} })
    }
  })

  it('drops parameters that a page does not have or that do not decode', () => {
    expect(bare('#/devices/cpu')).toEqual({ page: 'devices', params: {} })
    expect(bare('#/jobs/%E0%A4%A')).toEqual({ page: 'jobs', params: {} })
  })

  it('reads back what pathTo wrote', () => {
    expect(bare(`#${pathTo('models', 'a/b?c#d', 3)}`)).toEqual({
      page: 'models',
      params: { name: 'a/b?c#d', version: '3' },
    })
  })
})
