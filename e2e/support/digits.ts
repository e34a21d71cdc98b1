import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import { fixtures } from './serve'

const SIDE = 28
const DIGIT_BYTES = SIDE * SIDE * 4

/** The hundred digits, `times` over, as a NumPy file: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
export async function digitsAsNpy(folder: string, times = 1): Promise<string> {
  const bytes = await readFile(join(fixtures, 'test100.f32'))
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${(times * bytes.length) / DIGIT_BYTES}, ${SIDE}, ${SIDE}), }`
  const padded = `${header.padEnd(117)}\n`
  const length = Buffer.alloc(2)
  length.writeUInt16LE(padded.length)
  const path = join(folder, 'digits.npy')
  await writeFile(
    path,
    Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
      length,
      Buffer.from(padded),
      ...Array<Buffer>(times).fill(bytes),
    ]),
  )
  return path
}

/** The same as a folder of PNG files, each in the folder of its label. */
export async function digitsAsImages(folder: string, name = 'digit-images'): Promise<string> {
  const bytes = await readFile(join(fixtures, 'test100.f32'))
  const labels = JSON.parse(await readFile(join(fixtures, 'test100.json'), 'utf8')) as number[]
  const top = join(folder, name)
  for (const [index, label] of labels.entries()) {
    const grey = Buffer.alloc(SIDE * SIDE)
    for (let pixel = 0; pixel < grey.length; pixel++)
      grey[pixel] = Math.round(bytes.readFloatLE(index * DIGIT_BYTES + pixel * 4) * 255)
    await mkdir(join(top, String(label)), { recursive: true })
    await writeFile(join(top, String(label), `${String(index).padStart(3, '0')}.png`), greyPng(grey, SIDE))
  }
  return top
}

/** A square PNG of 8-bit grey: https://www.w3.org/TR/png-3/ */
function greyPng(pixels: Buffer, side: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header[8] = 8
  const lines = Array.from({ length: side }, (_, y) =>
    Buffer.concat([Buffer.of(0), pixels.subarray(y * side, (y + 1) * side)]),
  )
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(lines))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}
