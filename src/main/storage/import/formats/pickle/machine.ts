import { PickleBytes, PickleError } from './bytes'
import { assertState, callOf } from './calls'
import { type Allows, todaysModule, whyNot } from './globals'
import { type PickleValue, PLAIN } from './values'

const MOST_OPERATIONS = 20_000_000
const MOST_STACK = 1_000_000
const MOST_MEMO = 5_000_000

/** What reading a pickle told. */
export interface PickleReading {
  value: PickleValue
  /** `module name` of every global it names. */
  globals: Set<string>
  /** Byte after its STOP. */
  end: number
}

/** The pickle uses a name that is not allowed. */
export class ForbiddenGlobal extends Error {
  override readonly name = 'ForbiddenGlobal'
}

/**
 * Follows a pickle without running it: every opcode of protocols 0 to 5 (CPython's pickletools.py) moves symbols about, so
 * that each global is known however it was put together. What cannot be followed is refused.
 * @throws PickleError, ForbiddenGlobal
 */
export function readPickle(bytes: Buffer, allows: Allows, at = 0): PickleReading {
  return new Machine(new PickleBytes(bytes, at), allows).run()
}

const MARK = Symbol('mark')
type Slot = PickleValue | typeof MARK

class Machine {
  readonly #bytes: PickleBytes
  readonly #allows: Allows
  readonly #globals = new Set<string>()
  readonly #memo = new Map<number, PickleValue>()
  #stack: Slot[] = []

  constructor(bytes: PickleBytes, allows: Allows) {
    this.#bytes = bytes
    this.#allows = allows
  }

  run(): PickleReading {
    for (let count = 0; count < MOST_OPERATIONS; count++) {
      const opcode = this.#bytes.u8()
      if (opcode === 0x2e) {
        const value = this.#pop()
        return { value, globals: this.#globals, end: this.#bytes.at }
      }
      this.#step(opcode)
      if (this.#stack.length > MOST_STACK) throw new PickleError('it nests values without end')
    }
    throw new PickleError('it has more operations than any real one')
  }

  #step(opcode: number): void {
    const constant = this.#constant(opcode)
    if (constant) this.#stack.push(constant)
    else if (!this.#container(opcode) && !this.#memory(opcode) && !this.#object(opcode)) {
      throw new PickleError(`it has the unknown operation 0x${opcode.toString(16)}`)
    }
  }

  /** Opcodes that push a value by themselves. */
  #constant(opcode: number): PickleValue | null {
    const bytes = this.#bytes
    switch (opcode) {
      case 0x4e: // NONE
        return PLAIN
      case 0x88: // NEWTRUE
        return numberOf(1)
      case 0x89: // NEWFALSE
        return numberOf(0)
      case 0x46: // FLOAT
      case 0x4c: // LONG
        bytes.line()
        return PLAIN
      case 0x49: // INT
        return numberOf(Number(bytes.line()))
      case 0x4a: // BININT
        return numberOf(bytes.take(4).readInt32LE())
      case 0x4b: // BININT1
        return numberOf(bytes.u8())
      case 0x4d: // BININT2
        return numberOf(bytes.u16())
      case 0x8a: // LONG1
        return longOf(bytes.take(bytes.u8()))
      case 0x8b: // LONG4
        return longOf(bytes.take(bytes.u32()))
      case 0x47: // BINFLOAT
        bytes.take(8)
        return PLAIN
      case 0x53: // STRING
        return textOf(unquoted(bytes.line()))
      case 0x54: // BINSTRING
        return textOf(bytes.take(bytes.u32()).toString('utf8'))
      case 0x55: // SHORT_BINSTRING
      case 0x8c: // SHORT_BINUNICODE
        return textOf(bytes.take(bytes.u8()).toString('utf8'))
      case 0x56: // UNICODE
        return textOf(bytes.line())
      case 0x58: // BINUNICODE
        return textOf(bytes.take(bytes.u32()).toString('utf8'))
      case 0x8d: // BINUNICODE8
        return textOf(bytes.take(bytes.u64()).toString('utf8'))
      case 0x42: // BINBYTES
        bytes.take(bytes.u32())
        return PLAIN
      case 0x43: // SHORT_BINBYTES
        bytes.take(bytes.u8())
        return PLAIN
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        bytes.take(bytes.u64())
        return PLAIN
      default:
        return null
    }
  }

  #container(opcode: number): boolean {
    switch (opcode) {
      case 0x28: // MARK
        this.#stack.push(MARK)
        return true
      case 0x29: // EMPTY_TUPLE
        return this.#push({ kind: 'tuple', items: [] })
      case 0x74: // TUPLE
        return this.#push({ kind: 'tuple', items: this.#popMark() })
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#push({ kind: 'tuple', items: this.#popMany(opcode - 0x84) })
      case 0x5d: // EMPTY_LIST
      case 0x8f: // EMPTY_SET
        return this.#push({ kind: 'list', items: [] })
      case 0x6c: // LIST
      case 0x91: // FROZENSET
        return this.#push({ kind: 'list', items: this.#popMark() })
      case 0x61: // APPEND
        return this.#append([this.#pop()])
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        return this.#append(this.#popMark())
      case 0x7d: // EMPTY_DICT
        return this.#push({ kind: 'dict', entries: new Map() })
      case 0x64: {
        // DICT
        const items = this.#popMark()
        this.#push({ kind: 'dict', entries: new Map() })
        return this.#setItems(items)
      }
      case 0x73: // SETITEM
        return this.#setItems(this.#popMany(2))
      case 0x75: // SETITEMS
        return this.#setItems(this.#popMark())
      default:
        return false
    }
  }

  #memory(opcode: number): boolean {
    const bytes = this.#bytes
    switch (opcode) {
      case 0x30: // POP
        if (this.#stack.pop() === undefined) throw new PickleError('it takes from an empty stack')
        return true
      case 0x31: // POP_MARK
        this.#popMark()
        return true
      case 0x32: // DUP
        return this.#push(this.#top())
      case 0x67: // GET
        return this.#get(Number(bytes.line()))
      case 0x68: // BINGET
        return this.#get(bytes.u8())
      case 0x6a: // LONG_BINGET
        return this.#get(bytes.u32())
      case 0x70: // PUT
        return this.#put(Number(bytes.line()))
      case 0x71: // BINPUT
        return this.#put(bytes.u8())
      case 0x72: // LONG_BINPUT
        return this.#put(bytes.u32())
      case 0x94: // MEMOIZE
        return this.#put(this.#memo.size)
      case 0x80: {
        // PROTO
        const protocol = bytes.u8()
        if (protocol > 5) throw new PickleError(`its protocol ${protocol} is not known`)
        return true
      }
      case 0x95: // FRAME
        bytes.take(8)
        return true
      default:
        return false
    }
  }

  #object(opcode: number): boolean {
    const bytes = this.#bytes
    switch (opcode) {
      case 0x63: // GLOBAL
        return this.#push(this.#global(bytes.line(), bytes.line()))
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.#popMany(2)
        if (module?.kind !== 'text' || name?.kind !== 'text')
          throw new PickleError('it puts a name together in a way that cannot be followed')
        return this.#push(this.#global(module.text, name.text))
      }
      case 0x52: {
        // REDUCE
        const [callee, args] = this.#popMany(2)
        return this.#call(callee, args)
      }
      case 0x81: {
        // NEWOBJ
        const [callee, args] = this.#popMany(2)
        return this.#call(callee, args)
      }
      case 0x92: // NEWOBJ_EX
        throw new PickleError('it makes an object by keywords, as no weights need')
      case 0x69: {
        // INST
        const callee = this.#global(bytes.line(), bytes.line())
        return this.#call(callee, { kind: 'tuple', items: this.#popMark() })
      }
      case 0x6f: {
        // OBJ
        const [callee, ...items] = this.#popMark()
        return this.#call(callee, { kind: 'tuple', items })
      }
      case 0x62: {
        // BUILD
        const state = this.#pop()
        const object = this.#top()
        if (object.kind === 'global')
          throw new PickleError('it changes a class instead of making an object of it')
        if (object.kind === 'object') {
          assertState(object, state)
          object.state = state
        }
        return true
      }
      case 0x50: // PERSID
        return this.#push({ kind: 'persistent', id: textOf(bytes.line()) })
      case 0x51: // BINPERSID
        return this.#push({ kind: 'persistent', id: this.#pop() })
      case 0x82: // EXT1
      case 0x83: // EXT2
      case 0x84: // EXT4
        throw new PickleError('it uses the extension registry, which may stand for any code')
      case 0x97: // NEXT_BUFFER
      case 0x98: // READONLY_BUFFER
        throw new PickleError('it takes bytes from outside the file')
      default:
        return false
    }
  }

  #global(written: string, name: string): PickleValue {
    this.#globals.add(`${written} ${name}`)
    const module = todaysModule(written)
    if (!this.#allows(module, name))
      throw new ForbiddenGlobal(`it uses ${written}.${name}, ${whyNot(written)}`)
    return { kind: 'global', module, name }
  }

  #call(callee: PickleValue | undefined, args: PickleValue | undefined): boolean {
    if (callee?.kind !== 'global' || args?.kind !== 'tuple')
      throw new PickleError('it calls something that cannot be followed')
    return this.#push(callOf(`${callee.module} ${callee.name}`, args.items))
  }

  #push(value: PickleValue): true {
    this.#stack.push(value)
    return true
  }

  #pop(): PickleValue {
    const value = this.#stack.pop()
    if (value === undefined || value === MARK) throw new PickleError('it takes from an empty stack')
    return value
  }

  #top(): PickleValue {
    const value = this.#stack[this.#stack.length - 1]
    if (value === undefined || value === MARK) throw new PickleError('it takes from an empty stack')
    return value
  }

  #popMany(count: number): PickleValue[] {
    const values: PickleValue[] = []
    for (let i = 0; i < count; i++) values.push(this.#pop())
    return values.reverse()
  }

  #popMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(MARK)
    if (at < 0) throw new PickleError('it goes back to a mark that is not there')
    const values = this.#stack.splice(at).slice(1)
    return values.filter((value): value is PickleValue => value !== MARK)
  }

  #append(values: PickleValue[]): true {
    const list = this.#top()
    if (list.kind === 'list') for (const value of values) list.items.push(value)
    return true
  }

  #setItems(items: PickleValue[]): true {
    const dict = this.#top()
    if (dict.kind !== 'dict') return true
    for (let i = 0; i + 1 < items.length; i += 2) {
      const [key, value] = [items[i], items[i + 1]]
      if (key?.kind === 'text' && value) dict.entries.set(key.text, value)
    }
    return true
  }

  #get(index: number): true {
    const value = this.#memo.get(index)
    if (!value) throw new PickleError('it names a value that it has not made')
    return this.#push(value)
  }

  #put(index: number): true {
    if (!Number.isSafeInteger(index) || this.#memo.size > MOST_MEMO)
      throw new PickleError('it keeps more values than any real one')
    this.#memo.set(index, this.#top())
    return true
  }
}

function numberOf(number: number): PickleValue {
  return { kind: 'number', number }
}

/** Two's complement, little endian; beyond 53 bits only its size matters to nobody. */
function longOf(bytes: Buffer): PickleValue {
  if (bytes.length > 8) return PLAIN
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0)
  if (bytes.length > 0 && (bytes[bytes.length - 1] ?? 0) >= 0x80) value -= 1n << BigInt(8 * bytes.length)
  return numberOf(Number(value))
}

function textOf(text: string): PickleValue {
  return { kind: 'text', text }
}

function unquoted(text: string): string {
  return /^'.*'$|^".*"$/.test(text) ? text.slice(1, -1) : text
}
