import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { bytes, message, number } from '../../testing/onnx-builder'
import { FileBytes } from '../file-bytes'
import { Rejection } from '../rejection'
import { ProtoReader } from './protobuf'

const folder = mkdtempSync(join(tmpdir(), 'llmagentos-proto-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function withReader<T>(content: Uint8Array, work: (reader: ProtoReader, file: FileBytes) => T): T {
  const path = join(folder, 'message')
  writeFileSync(path, content)
  const descriptor = openSync(path, 'r')
  try {
    const file = new FileBytes(descriptor, content.length, 'message')
    return work(new ProtoReader(file), file)
  } finally {
    closeSync(descriptor)
  }
}

describe('ProtoReader', () => {
  it('reads every integer that is safe, negative ones too', () => {
    return fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        withReader(number(3, value), (reader) => {
          expect(reader.next()).toBe(true)
          expect([reader.field, reader.integer()]).toEqual([3, value])
          expect(reader.next()).toBe(false)
        })
      }),
    )
  })

  it('refuses an integer beyond 2^53 instead of rounding it', () => {
    withReader(number(1, 2n ** 60n + 1n), (reader) => {
      reader.next()
      expect(() => reader.integer()).toThrow(Rejection)
    })
  })

  it('reads packed and single repeated integers alike', () => {
    const packed = bytes(1, Uint8Array.from([1, 0x80, 1, 3]))
    withReader(Buffer.concat([packed, number(1, 9)]), (reader) => {
      const all: number[] = []
      while (reader.next()) all.push(...reader.integers())
      expect(all).toEqual([1, 128, 3, 9])
    })
  })

  it('never lets an inner length reach past its message', () => {
    const lying = Uint8Array.from([0x0a, 100, 1, 2, 3])
    withReader(Buffer.concat([message(1, lying), new Uint8Array(200)]), (reader) => {
      reader.next()
      const inner = reader.message()
      expect(() => inner.next()).toThrow(Rejection)
    })
  })

  it('jumps over large fields without reading them', () => {
    const large = bytes(9, new Uint8Array(5_000_000))
    withReader(Buffer.concat([large, number(1, 7)]), (reader, file) => {
      reader.next()
      reader.next()
      expect(reader.integer()).toBe(7)
      expect(file.bytesRead).toBeLessThan(20_000)
    })
  })

  it('ends on any bytes, with fields or a rejection', () => {
    return fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (content) => {
        withReader(content, (reader) => {
          try {
            let fields = 0
            while (reader.next()) fields++
            expect(fields).toBeLessThanOrEqual(content.length)
          } catch (error) {
            expect(error).toBeInstanceOf(Rejection)
          }
        })
      }),
      { numRuns: 300 },
    )
  })
})
