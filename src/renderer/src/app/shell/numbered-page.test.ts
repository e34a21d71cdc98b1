import { expect, it } from 'vitest'
import { PAGES } from '../../lib/router'
import { numberedPage } from './numbered-page'

const alt = (code: string) => ({ altKey: true, code })

it('leads from the ten digits to the first ten pages, from nothing else', () => {
  const digits = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0']
  expect(digits.map((digit) => numberedPage(alt(`Digit${digit}`), false))).toEqual(PAGES.slice(0, 10))
  expect(numberedPage({ altKey: false, code: 'Digit1' }, false)).toBeUndefined()
  for (const code of ['', 'Digit', 'KeyA', 'Numpad1']) expect(numberedPage(alt(code), false)).toBeUndefined()
})

it('leaves Option with a digit to a person who types on a Mac: on many keyboards it is a bracket', () => {
  expect(numberedPage(alt('Digit5'), true)).toBeUndefined()
})
