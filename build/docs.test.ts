import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, extname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const docs = await readdir(join(root, 'docs'), { recursive: true })
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...docs.filter((file) => file.endsWith('.md')).map((file) => join('docs', file)),
]
const MOST_PICTURE_BYTES = 150_000

/** Addresses of `[text](address)` and `![text](address)`, but for those in code. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, address]) => address ?? [])
}

/** As GitHub names a heading in an address. */
const anchorsOf = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

describe.each(pages)('%s', (page) => {
  it('links to what is there', async () => {
    const text = await readFile(join(root, page), 'utf8')
    const broken: string[] = []
    for (const address of linksOf(text)) {
      if (/^(https?|mailto):/.test(address)) continue
      const [path = '', anchor] = address.split('#')
      const target = path === '' ? join(root, page) : join(root, dirname(page), path)
      const isThere =
        existsSync(target) &&
        (anchor === undefined || anchorsOf(await readFile(target, 'utf8')).includes(anchor))
      if (!isThere) broken.push(address)
    }
    expect(broken).toEqual([])
  })
})

it.each(docs.filter((file) => extname(file) === '.png'))('docs/%s is small', async (file) => {
  expect((await stat(join(root, 'docs', file))).size).toBeLessThanOrEqual(MOST_PICTURE_BYTES)
})
