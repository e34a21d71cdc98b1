import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FIXTURES } from '../../testing/fixtures'
import { tried } from '../../testing/verdicts'

const real = (name: string) => readFileSync(join(FIXTURES, 'keras', name))
const latin = (text: string) => Buffer.from(text, 'latin1')
/** The first place where a pattern stands, with other bytes there. */
function patched(content: Buffer, find: string, replacement: string): Buffer {
  const at = content.indexOf(latin(find))
  if (at < 0) throw new Error('the pattern is not there')
  const changed = Buffer.from(content)
  changed.write(replacement, at, 'latin1')
  return changed
}
/** The messages of an object header (IV.A.2 of the format) up to the class of a layout, and to the first size of a shape. */
const LAYOUT = '\x08\0\x18\0\0\0\0\0\x03'
const SHAPE = '\x01\0\x18\0\0\0\0\0\x01\x01\x01\0\0\0\0\0'

tried('the weights in HDF5', 'h5', [
  ['in one file', 'accept', real('flowers.h5')],
  [
    'without their layers',
    'accept',
    patched(real('dense-groups.h5'), '\x40\x09elsewhere', '\x01'),
    'save_weights',
  ],
  [
    'with nothing in it',
    'warn',
    Buffer.concat([latin('\x89HDF\r\n\x1a\n'), Buffer.alloc(96)]),
    'nothing is known',
  ],
  ['with weights in another file', 'reject', real('dense-groups.h5'), 'leads to another file'],
  ['with values elsewhere', 'reject', patched(real('flowers.h5'), '\x05\0\x08\0\x01', '\x07'), 'elsewhere'],
  ['put together from other files', 'reject', patched(real('flowers.h5'), `${LAYOUT}\x01`, `${LAYOUT}\x03`)],
  [
    'with more values than it can hold',
    'reject',
    patched(real('flowers.h5'), `${SHAPE}\x05`, `${SHAPE}\xff\xff\xff\xff`),
    'more values',
  ],
])
