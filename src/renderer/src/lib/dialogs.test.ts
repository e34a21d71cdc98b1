import { expect, it } from 'vitest'
import { enterDialog, useOpenDialogs } from './dialogs'

it('counts each dialog while it is open, and each once', () => {
  const open = () => useOpenDialogs.getState().count
  const [leaveFirst, leaveSecond] = [enterDialog(), enterDialog()]
  expect(open()).toBe(2)
  leaveFirst()
  leaveFirst()
  expect(open()).toBe(1)
  leaveSecond()
  expect(open()).toBe(0)
})
