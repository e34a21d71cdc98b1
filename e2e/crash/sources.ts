import { createHash, randomFillSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A file that a round may import, and the digest that its version must have. */
export interface Source {
  path: string
  sizeBytes: number
  sha256: string
  kind: 'model' | 'dataset'
}

/** One tensor of random bytes: the smallest file that is a whole model. */
export function safetensors(weights: Uint8Array): Buffer {
  const tensor = { dtype: 'U8', shape: [weights.length], data_offsets: [0, weights.length] }
  const header = Buffer.from(JSON.stringify({ weights: tensor }))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, weights])
}

/** Models from 20 KB to 6 MB and some tables. */
export async function writeSources(folder: string): Promise<Source[]> {
  await mkdir(folder, { recursive: true })
  const sources: Source[] = []
  const add = async (name: string, kind: Source['kind'], content: Buffer) => {
    const path = join(folder, name)
    await writeFile(path, content)
    const sha256 = createHash('sha256').update(content).digest('hex')
    sources.push({ path, sizeBytes: content.length, sha256, kind })
  }
  for (let i = 0; i < 16; i++) {
    const weights = randomFillSync(Buffer.alloc(20_000 + Math.round((i / 15) ** 3 * 6_000_000)))
    await add(`weights-${i}.safetensors`, 'model', safetensors(weights))
  }
  for (let i = 0; i < 4; i++) {
    const rows = Array.from({ length: 500 * (i + 1) }, (_, row) => JSON.stringify({ row, value: row * i }))
    await add(`table-${i}.jsonl`, 'dataset', Buffer.from(`${rows.join('\n')}\n`))
  }
  return sources
}
