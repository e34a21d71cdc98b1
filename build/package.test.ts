import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const read = (name: string) => readFileSync(join(root, name))

it('the installers know what they must say of the app: the package of Debian is refused without', () => {
  const { homepage, author } = JSON.parse(read('package.json').toString())
  expect(homepage).toMatch(/^https:\/\//)
  expect(author).toMatch(/^.+ <.+@.+>$/)
})

it('the installers have an icon of our own, large enough for every system', () => {
  const icon = /^icon: (.+)$/m.exec(read('build/electron-builder.yml').toString())?.[1] ?? ''
  const png = read(icon)
  expect(png.subarray(1, 4).toString()).toBe('PNG')
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([512, 512])
})
