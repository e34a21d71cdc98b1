import type { FileBytes } from '../../file-bytes'
import { Rejection } from '../../rejection'
import { isObject, type JsonObject } from '../json'
import { parsePythonJson } from './python-json'

/** An object of JSON begins so, whoever wrote it; the space in it may go on in the next piece. */
const BEGINNING = /\{[ \t\r\n]*(?:"|$)/g
const PIECE = 4 * 1024 * 1024
const OVERLAP = 64
const MOST_BYTES = 768 * 1024 * 1024
const LARGEST_CONFIG = 16 * 1024 * 1024
const MOST_CONFIGS = 1000

/**
 * The configurations of layers that an HDF5 file holds, the first one that of the model. Attributes lie uncompressed in
 * the file (HDF5 File Format Specification, IV.A.2.m), so their text is found without following the file's own pointers,
 * none of which can then lead anywhere. Of files beyond 768 MiB the first are searched: `isWhole` is false.
 */
export function findConfigs(bytes: FileBytes): { configs: JsonObject[]; isWhole: boolean } {
  const found: JsonObject[] = []
  const end = Math.min(bytes.size, MOST_BYTES)
  let past = 0
  for (let at = 0; at < end; at += PIECE) {
    const piece = bytes.slice(at, Math.min(PIECE + OVERLAP, end - at)).toString('latin1')
    for (const { index } of piece.matchAll(BEGINNING)) {
      const begin = at + index
      if (index >= PIECE || begin < past) continue
      const length = objectLength(bytes, begin)
      const config = length === null ? null : parse(bytes.slice(begin, length))
      // What begins as an object and is none may have one within.
      if (!config || length === null) continue
      past = begin + length
      found.push(config)
      if (found.length > MOST_CONFIGS) {
        const message =
          'It holds more configurations than any real model: one of them may be hidden among them.'
        throw new Rejection('storage.unsafe', message, bytes.file)
      }
    }
  }
  // That of the model is the first that says what it is; others may lie before it.
  const isModel = (config: JsonObject) => 'class_name' in config
  const configs = [...found.filter(isModel), ...found.filter((config) => !isModel(config))]
  return { configs, isWhole: end === bytes.size }
}

/** Bytes of the JSON object that begins here; null when it does not end. @throws Rejection for one longer than any real one */
function objectLength(bytes: FileBytes, begin: number): number | null {
  let depth = 0
  let quoted = false
  const end = Math.min(bytes.size, begin + LARGEST_CONFIG)
  for (let at = begin; at < end; at++) {
    const byte = bytes.byte(at)
    // Text of JSON has no other control characters: bytes of weights end soon.
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return null
    if (quoted) {
      if (byte === 0x5c) at++
      else if (byte === 0x22) quoted = false
    } else if (byte === 0x22) quoted = true
    else if (byte === 0x7b) depth++
    else if (byte === 0x7d && --depth === 0) return at - begin + 1
  }
  if (end === bytes.size) return null
  const message =
    'It holds a text that begins as a configuration and is longer than any real one, so it could not be judged.'
  throw new Rejection('storage.unsafe', message, bytes.file)
}

function parse(text: Buffer): JsonObject | null {
  try {
    const value = parsePythonJson(text.toString('utf8'))
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
