import { expect, it } from 'vitest'
import { visiblePlace } from './place'

const laptop = { x: 0, y: 0, width: 1600, height: 1000 }
const left = { x: -1920, y: 0, width: 1920, height: 1080 }
const size = { width: 900, height: 700, maximized: true }

it('a window opens where it was, on whatever screen', () => {
  expect(visiblePlace({ ...size, x: 100, y: 50 }, [laptop])).toEqual({ ...size, x: 100, y: 50 })
  expect(visiblePlace({ ...size, x: -1900, y: 0 }, [laptop, left])).toEqual({ ...size, x: -1900, y: 0 })
})

it('a window opens where the system likes when its screen is gone', () => {
  expect(visiblePlace({ ...size, x: -1900, y: 0 }, [laptop])).toEqual(size)
  expect(visiblePlace({ ...size, x: 100, y: 1000 }, [laptop, left])).toEqual(size)
  expect(visiblePlace({ ...size, x: 100 }, [laptop])).toEqual(size)
})
