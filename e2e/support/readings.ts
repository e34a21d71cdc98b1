import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ramp } from './serve'

const MACHINES = ['press', 'press', 'press', 'lathe', 'lathe', 'oven']

/** A table as an instrument writes it: numbers, classes, truth values, gaps, and a text that is longer than its cell. */
export async function readingsAsCsv(folder: string, rows: number): Promise<string> {
  const chance = ramp(rows)
  const lines = chance.map((share, row) => {
    const machine = MACHINES[row % MACHINES.length]
    const spread = (chance[(row * 31) % rows] ?? 0) + (chance[(row * 17) % rows] ?? 0) + share
    const vibration = row % 40 === 7 ? '' : (share * share).toFixed(4)
    const note =
      row % 25 === 3 ? `"Checked by hand, ""${machine}"" runs warm; looked at again after the shift"` : ''
    return [row, machine, (20 + spread * 15).toFixed(2), vibration, share < 0.9, note].join(',')
  })
  const path = join(folder, 'machine-readings.csv')
  await writeFile(path, `reading,machine,temperature,vibration,healthy,note\n${lines.join('\n')}\n`)
  return path
}
