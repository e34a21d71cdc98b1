import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FIXTURES } from '../../testing/fixtures'
import { tried } from '../../testing/verdicts'
import { zip } from '../../testing/zip-builder'

const real = (name: string) => readFileSync(join(FIXTURES, 'torch', name))
const latin = (text: string) => Buffer.from(text, 'latin1')
const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`
const archive = (data: string, more: Record<string, string> = {}) =>
  zip([
    { name: 'net/data.pkl', content: latin(`\x80\x02${data}.`) },
    ...Object.entries(more).map(([name, content]) => ({ name: `net/${name}`, content: latin(content) })),
  ])

/** `numpy.dtype(name, False, True)` and its state, as NumPy writes them. */
const type = (name: string, { copy = '\x88', fields = 'NN', flags = 'K\0' } = {}) =>
  `cnumpy\ndtype\n${text(name)}\x89${copy}\x87R(K\x03${text('<')}N${fields}J\xff\xff\xff\xffJ\xff\xff\xff\xff${flags}tb`
const scalar = (dtype: string) => `cnumpy.core.multiarray\nscalar\n${dtype}U\x01x\x86R`
const bytes = (codec: string) => `c_codecs\nencode\n${text('ab')}${text(codec)}\x86R`

tried('PyTorch and NumPy', 'pth', [
  [
    'a checkpoint with NumPy values, sets and bytes, as training scripts write it',
    'accept',
    real('checkpoint.pth'),
    'save them alone',
  ],
  ['the same in protocol 4', 'accept', real('checkpoint-4.pth')],
  ['the same before PyTorch 1.6', 'accept', real('legacy.pth'), 'save them alone'],
  ['the same before PyTorch 1.6 in protocol 4', 'accept', real('legacy-4.pth')],
  ['quantised and sparse tensors', 'accept', real('unusual.pth'), 'without a graph'],
  ['arrays in a pickle of their own, protocol 2', 'warn', real('arrays-2.pkl'), 'NumPy arrays'],
  ['arrays in a pickle of their own, protocol 5', 'warn', real('arrays-5.pkl'), 'NumPy arrays'],
  ['an array of Python objects', 'reject', real('objects.pth'), 'something else than numbers and texts'],
  ['weights of a big-endian machine', 'accept', archive('}', { byteorder: 'big', version: '3\n' })],
  ['a type whose state says it holds pointers', 'reject', archive(scalar(type('f8', { flags: 'K\x3f' })))],
  ['a type that is a record', 'reject', archive(scalar(type('V8', { fields: `${text('a')}\x85}` })))],
  ['a state for the type that the whole program uses', 'reject', archive(type('f8', { copy: '\x89' }))],
  ['a value of a type that was not made here', 'reject', archive(scalar('N')), 'NumPy value'],
  ['a state for a value', 'reject', archive(`${scalar(type('f8').slice(0, -1))}}b`)],
  ['an array that is made at once', 'reject', archive('cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85\x85R')],
  ['bytes by a codec that is imported', 'reject', archive(bytes('zlib_codec')), '_codecs.encode'],
  ['bytes by the usual codec', 'accept', archive(bytes('latin1'))],
  ['as many bytes as there are', 'reject', archive('c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R')],
  ['a class of Python that is called', 'reject', archive(`cbuiltins\nlist\n}\x85R`), 'builtins.list'],
  ['a class of Python that is changed', 'reject', archive('cbuiltins\ndict\n}b')],
  [
    'a type by way of a tensor of a class',
    'reject',
    archive(`ctorch._tensor\n_rebuild_from_type_v2\n(cnumpy\ndtype\ncnumpy\ndtype\n${text('O')}\x85}tR`),
  ],
  ['an object by keywords', 'reject', archive('ccollections\nOrderedDict\n)}\x92')],
])
