import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { sumTrees } from './processes'

const TABLE = `    1     0  12000
  400     1   2000
  401   400    300
10402   401     50
  500     1      7
  501   500  1e3
garbage
  40`

it('sums the memory of a process and of all below it, from one table for all', () => {
  expect(sumTrees(TABLE, [400, 500])).toEqual(
    new Map([
      [400, 2350 * 1024],
      [500, 7 * 1024],
    ]),
  )
  expect(sumTrees(TABLE, [40, 402])).toEqual(new Map())
  expect(sumTrees('', [1])).toEqual(new Map())
  // Pid 0 is its own parent on macOS.
  expect(sumTrees('0 0 5\n1 0 6\n', [0])).toEqual(new Map([[0, 11 * 1024]]))
})

it.runIf(process.platform !== 'win32')('reads what ps writes', () => {
  const table = execFileSync('/bin/ps', ['-axo', 'pid=,ppid=,rss='], { encoding: 'utf8' })
  const bytes = sumTrees(table, [process.pid]).get(process.pid)
  // The process and the ps that it has started, at the time.
  expect(bytes).toBeGreaterThan(10 * 2 ** 20)
  expect(bytes).toBeLessThan(10 * 2 ** 30)
})
