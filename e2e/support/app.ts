import { expect, test } from '@playwright/test'
import { Desktop } from './desktop'

/**
 * One app for all the tests of a file, in their order; after each its window must have had no error.
 */
export function appForFile(start: () => Promise<Desktop> = Desktop.start): () => Desktop {
  let desktop: Desktop | null = null
  test.describe.configure({ mode: 'serial', timeout: 180_000 })
  test.beforeAll(async () => {
    test.setTimeout(180_000)
    desktop = await start()
  })
  test.afterEach(() => {
    if (!desktop) return
    expect(desktop.takeProblems()).toEqual([])
  })
  test.afterAll(async () => {
    test.setTimeout(60_000)
    await desktop?.dispose()
  })
  return () => {
    if (!desktop) throw new Error('the app is not started yet')
    return desktop
  }
}

/** For the tests of a file the system looks for a Python, as it does on every machine; to be called before `appForFile`. */
export function withPython(): void {
  const given = process.env['LLMAGENTOS_PYTHON']
  test.beforeAll(() => {
    delete process.env['LLMAGENTOS_PYTHON']
  })
  test.afterAll(() => {
    process.env['LLMAGENTOS_PYTHON'] = given
  })
}
