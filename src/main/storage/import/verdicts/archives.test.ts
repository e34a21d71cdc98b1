import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { FIXTURES } from '../../testing/fixtures'
import { tried } from '../../testing/verdicts'
import { type BuiltEntry, zip } from '../../testing/zip-builder'

const MODEL = readFileSync(join(FIXTURES, 'imports/good/identity.onnx'))
const LITTER = Buffer.of(0, 5, 22, 7)
const entry = (name: string, more: Partial<BuiltEntry> = {}): BuiltEntry => ({
  name,
  content: MODEL,
  ...more,
})
const swapped = (archive: Buffer, from: string, to: string) =>
  Buffer.from(archive.toString('latin1').replaceAll(from, to), 'latin1')

/** One entry as a writer that does not know its length makes it: all sizes in 64 bits (APPNOTE.TXT 4.5.3). */
function wide(): Buffer {
  const name = Buffer.from('model.onnx')
  const size = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer)
  const extra = Buffer.concat([Buffer.of(1, 0, 16, 0), size(MODEL.length), size(MODEL.length)])
  const common = Buffer.alloc(26)
  common.writeUInt32LE(crc32(MODEL), 10)
  common.fill(0xff, 14, 22)
  common.writeUInt16LE(name.length, 22)
  common.writeUInt16LE(extra.length, 24)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, extra, MODEL])
  const central = Buffer.concat([Buffer.from('PK\x01\x02\x2d\0'), common, Buffer.alloc(14), name, extra])
  const end = Buffer.alloc(18)
  for (const at of [4, 6]) end.writeUInt16LE(1, at)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(local.length, 12)
  return Buffer.concat([local, central, Buffer.from('PK\x05\x06'), end])
}

tried('a ZIP', 'zip', [
  ['with sizes of 64 bits', 'accept', wide()],
  [
    'with a folder and a deflated model',
    'accept',
    zip([
      entry('m/', { content: Buffer.alloc(0) }),
      entry('m/model.onnx', { content: deflateRawSync(MODEL), sizeBytes: MODEL.length }),
    ]),
  ],
  ['of a Mac', 'accept', zip([entry('m/model.onnx'), entry('__MACOSX/m/._model.onnx', { content: LITTER })])],
  [
    'with a name of an old code page',
    'accept',
    swapped(zip([entry('m/mod_le.onnx')]), 'mod_le', 'mod\x8ale'),
  ],
  [
    'with backslashes between folders, of old Windows tools',
    'accept',
    zip([entry('m\\model.onnx'), entry('m\\LICENSE')]),
  ],
  ['with backslashes that lead out', 'reject', zip([entry('m\\..\\..\\model.onnx')]), 'leads out'],
  [
    'whose content is not what its checksum says',
    'reject',
    zip([entry('model.onnx', { crc: 1 })]),
    'checksum',
  ],
  [
    'with a file that is a folder too',
    'reject',
    zip([entry('m'), entry('m/model.onnx')]),
    'both a file and a folder',
  ],
  [
    'with a folder that is a file too',
    'reject',
    zip([entry('m/model.onnx'), entry('M')]),
    'both a file and a folder',
  ],
  [
    'with another archive within',
    'reject',
    zip([entry('model.zip', { content: zip([entry('model.onnx')]) })]),
  ],
  ['with a name that breaks a line', 'reject', zip([entry('a\nb.onnx')]), 'control character'],
])

/** A header of tar, with whatever else is written into it. */
function tarred(
  name: string,
  content: Buffer,
  type = '0',
  change: (header: Buffer) => void = () => undefined,
): Buffer {
  const header = Buffer.alloc(512)
  header.write(name)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write(type, 156, 'latin1')
  header.write('ustar\x0000', 257)
  change(header)
  header.write('        ', 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}
const tar = (...entries: Buffer[]) => Buffer.concat([...entries, Buffer.alloc(1024)])
const NOTHING = Buffer.alloc(0)
/** A size in binary, as GNU writes large ones. */
const binary = (first: number, high: number) => (header: Buffer) => {
  header.fill(0, 124, 136)
  header[124] = first
  header[127] = high
  header.writeUInt32BE(MODEL.length, 132)
}

tried('a tar', 'tar', [
  [
    'without a type for folders',
    'accept',
    tar(tarred('m/', NOTHING, '\0'), tarred('m/model.onnx', MODEL, '\0')),
  ],
  [
    'of a Mac',
    'accept',
    tar(
      tarred('./._m', LITTER),
      tarred('./m/', NOTHING, '5'),
      tarred('./m/._model.onnx', LITTER),
      tarred('./m/model.onnx', MODEL),
    ),
  ],
  ['with a size in binary', 'accept', tar(tarred('model.onnx', MODEL, '0', binary(0x80, 0)))],
  [
    'with a size in binary of which few readers take all',
    'reject',
    tar(tarred('model.onnx', MODEL, '0', binary(0x80, 1))),
  ],
  [
    'with a negative size',
    'reject',
    tar(tarred('model.onnx', MODEL, '0', binary(0xff, 0))),
    'impossible size',
  ],
  ['with a file that is a folder too', 'reject', tar(tarred('m', MODEL), tarred('m/model.onnx', MODEL))],
  [
    'with what stands behind its end',
    'accept',
    tar(tar(tarred('model.onnx', MODEL)), tarred('../evil', MODEL)),
  ],
  [
    'that is compressed in two pieces',
    'accept',
    Buffer.concat([gzipSync(tarred('model.onnx', MODEL)), gzipSync(tar())]),
  ],
  ['that was broken off', 'reject', gzipSync(tar(tarred('model.onnx', MODEL))).subarray(0, 60), 'damaged'],
])

tried('a folder', '', [
  [
    'with what a Mac left in it',
    'accept',
    { '.DS_Store': LITTER, 'm/model.onnx': MODEL, 'm/.DS_Store': LITTER },
  ],
  [
    'with what Windows left in it',
    'accept',
    { 'Thumbs.db': LITTER, 'm/desktop.ini': LITTER, 'm/model.onnx': MODEL },
  ],
])
tried('another archive', 'xz', [
  ['of bzip2', 'reject', Buffer.from('BZh91AY&SY'), 'a bzip2 archive'],
  ['of xz', 'reject', Buffer.from('\xfd7zXZ\0\0\x04', 'latin1'), 'an xz archive'],
  ['of Zstandard', 'reject', Buffer.from('\x28\xb5\x2f\xfd\x04\x00', 'latin1'), 'a Zstandard archive'],
])
