import { PickleError } from './bytes'
import { type PickleValue, PLAIN } from './values'

type Made = Extract<PickleValue, { kind: 'object' }>

/**
 * What a call of an allowed name makes, by `module name`. Names that would do harm with other things than pickles of plain
 * values give them are held to those. @throws PickleError
 */
export function callOf(of: string, args: PickleValue[]): PickleValue {
  if (USUAL[of]?.(args) === false) throw unusual(of)
  switch (of) {
    case 'collections OrderedDict':
    case 'collections defaultdict':
      return { kind: 'dict', entries: pairsOf(args.at(-1)) }
    case 'builtins set':
    case 'builtins frozenset':
      return args[0] ?? { kind: 'list', items: [] }
    case '_codecs encode':
    case 'builtins bytearray':
    case 'builtins bytes':
    case 'builtins complex':
      return PLAIN
    default:
      return { kind: 'object', of, args, state: null }
  }
}

/** Holds the state that an object is given to what it may be. @throws PickleError */
export function assertState({ of, args }: Made, state: PickleValue): void {
  const items = state.kind === 'tuple' ? state.items : []
  const isUsual =
    of === 'numpy dtype'
      ? isTypeState(args, items)
      : of === 'numpy.core.multiarray _reconstruct'
        ? isArrayState(items)
        : !of.startsWith('numpy')
  if (!isUsual) throw unusual(of)
}

function unusual(of: string): PickleError {
  return new PickleError(
    of.startsWith('numpy')
      ? 'it makes a NumPy value of something else than numbers and texts'
      : `it gives ${of.replace(' ', '.')} what no plain values need`,
  )
}

const never = () => false
const isNumber = (value: PickleValue | undefined, ...numbers: number[]) =>
  value?.kind === 'number' && (numbers.length === 0 || numbers.includes(value.number))
const isPlain = (value: PickleValue | undefined) => value?.kind === 'plain'
const isType = (value: PickleValue | undefined) => value?.kind === 'object' && value.of === 'numpy dtype'
const isShape = (value: PickleValue | undefined, ...sizes: number[]) =>
  value?.kind === 'tuple' && value.items.every((size) => isNumber(size, ...sizes))

/** Numbers, truth values and texts: no Python objects, and no records, whose fields NumPy does not hold against their size. */
const PLAIN_TYPE = /^[<>=|]?(?:[?bBhHiIlLqQefdgFDG]|[biufcSU]\d{1,9})$/

/** What may be given to names that must not be given everything. A class that is never called may be a factory of a dictionary. */
const USUAL: Readonly<Record<string, (args: readonly PickleValue[]) => boolean>> = {
  // Any other codec is a module that is imported.
  '_codecs encode': ([text, codec, ...more]) =>
    text?.kind === 'text' && codec?.kind === 'text' && /^latin-?1$/.test(codec.text) && more.length === 0,
  // A number would be a size: memory without a bound.
  'builtins bytearray': ([content]) => content === undefined || isPlain(content) || content.kind === 'text',
  'builtins bytes': (args) => args.length === 0,
  'builtins complex': (args) => args.every((part) => isNumber(part) || isPlain(part)),
  'builtins set': (args) => args.every(({ kind }) => kind === 'list'),
  'builtins frozenset': (args) => args.every(({ kind }) => kind === 'list'),
  'builtins bool': never,
  'builtins dict': never,
  'builtins float': never,
  'builtins int': never,
  'builtins list': never,
  'builtins str': never,
  // It calls what it is given first.
  'torch._tensor _rebuild_from_type_v2': ([call]) =>
    call?.kind === 'global' && call.module === 'torch._utils',
  'numpy ndarray': never,
  // A copy: else its state would change the type for the whole program.
  'numpy dtype': ([name, align, copy, ...more]) =>
    name?.kind === 'text' &&
    PLAIN_TYPE.test(name.text) &&
    isNumber(align, 0) &&
    isNumber(copy, 1) &&
    more.length === 0,
  // The array is made empty; its state says what it is.
  'numpy.core.multiarray _reconstruct': ([type, shape, letter, ...more]) =>
    type?.kind === 'global' &&
    `${type.module} ${type.name}` === 'numpy ndarray' &&
    isShape(shape, 0) &&
    isPlain(letter) &&
    more.length === 0,
  'numpy.core.multiarray scalar': ([type, bytes, ...more]) =>
    isType(type) && isPlain(bytes) && more.length === 0,
  'numpy.core.numeric _frombuffer': ([bytes, type, shape, order]) =>
    isPlain(bytes) && isType(type) && isShape(shape) && order?.kind === 'text',
}

/**
 * `(3, order, subarray, names, fields, size, alignment, flags)`: NumPy takes the flags on trust, by which bytes become
 * pointers; arraydescr_setstate in its descriptor.c.
 */
function isTypeState([name]: readonly PickleValue[], state: readonly PickleValue[]): boolean {
  const [version, order, subarray, names, fields, size, alignment, flags, ...more] = state
  const isText = name?.kind === 'text' && name.text.includes('U')
  const bytes = size?.kind === 'number' ? size.number : Number.NaN
  return (
    isNumber(version, 3) &&
    order?.kind === 'text' &&
    [subarray, names, fields].every(isPlain) &&
    (bytes === -1 || (bytes >= 0 && bytes < 2 ** 31 && (!isText || bytes % 4 === 0))) &&
    isNumber(alignment, -1, 1, 4) &&
    isNumber(flags, 0, 8) &&
    more.length === 0
  )
}

/** `(1, shape, type, isFortran, bytes)`; NumPy holds the bytes against shape and type. */
function isArrayState([version, shape, type, isFortran, bytes, ...more]: readonly PickleValue[]): boolean {
  return (
    isNumber(version, 1) &&
    isShape(shape) &&
    isType(type) &&
    isNumber(isFortran, 0, 1) &&
    isPlain(bytes) &&
    more.length === 0
  )
}

function pairsOf(items: PickleValue | undefined): Map<string, PickleValue> {
  const entries = new Map<string, PickleValue>()
  if (items?.kind !== 'list') return entries
  for (const pair of items.items) {
    if (pair.kind !== 'tuple') continue
    const [key, value] = pair.items
    if (key?.kind === 'text' && value) entries.set(key.text, value)
  }
  return entries
}
