import { describe, expect, it } from 'vitest'
import { mayTakeBack, niceOf } from './nice'

const status = (capabilities: string) => `CapPrm:\t0000000000000000\nCapEff:\t${capabilities}\n`
const limits = (soft: string) =>
  `Max nice priority         ${soft}                    20                   \n`

describe('nice', () => {
  it('is for jobs below the usual priority, and never takes from others', () => {
    expect([0, 25, 49, 50, 100].map(niceOf)).toEqual([10, 5, 0, 0, 0])
  })

  it('is used only where it can be taken back', () => {
    expect(mayTakeBack(status('0000000000000000'), limits('0'))).toBe(false)
    expect(mayTakeBack(status('0000000000000000'), limits('19'))).toBe(false)
    expect(mayTakeBack(status('0000000000000000'), limits('20'))).toBe(true)
    expect(mayTakeBack(status('0000000000000000'), limits('unlimited'))).toBe(true)
    expect(mayTakeBack(status('0000000000800000'), limits('0'))).toBe(true)
    expect(mayTakeBack('', '')).toBe(false)
  })
})
