import type { FileBytes } from '../../file-bytes'
import { isObject, type JsonObject } from '../json'

export const HDF5_MAGIC = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1')

/** Configurations begin so, whichever Keras wrote them. */
const BEGINNINGS = ['{"class_name"', '{"module"', '{"name"']
const PIECE = 4 * 1024 * 1024
const OVERLAP = 64
const MOST_BYTES = 1024 * 1024 * 1024
const LARGEST_CONFIG = 16 * 1024 * 1024
const MOST_CONFIGS = 20

/**
 * The configurations of layers that an HDF5 file holds, the first one that of the model. Attributes lie uncompressed in
 * the file (HDF5 File Format Specification, IV.A.2.m), so their text is found without following the file's own pointers,
 * none of which can then lead anywhere. Of files beyond 1 GiB the first is searched.
 */
export function findConfigs(bytes: FileBytes): JsonObject[] {
  const found: JsonObject[] = []
  const end = Math.min(bytes.size, MOST_BYTES)
  for (let at = 0; at < end && found.length < MOST_CONFIGS; ) {
    const piece = bytes.slice(at, Math.min(PIECE + OVERLAP, end - at))
    const begin = firstOf(piece)
    if (begin === null || begin >= PIECE) {
      at += PIECE
      continue
    }
    const length = objectLength(bytes, at + begin)
    if (length !== null) {
      const config = parse(bytes.slice(at + begin, length))
      if (config && 'class_name' in config) found.push(config)
    }
    at += begin + (length ?? 1)
  }
  return found
}

function firstOf(piece: Buffer): number | null {
  const places = BEGINNINGS.map((beginning) => piece.indexOf(beginning)).filter((place) => place >= 0)
  return places.length > 0 ? Math.min(...places) : null
}

/** Bytes of the JSON object that begins here; null when it does not end. */
function objectLength(bytes: FileBytes, begin: number): number | null {
  let depth = 0
  let quoted = false
  const end = Math.min(bytes.size, begin + LARGEST_CONFIG)
  for (let at = begin; at < end; at++) {
    const byte = bytes.byte(at)
    if (byte === 0) return null
    if (quoted) {
      if (byte === 0x5c) at++
      else if (byte === 0x22) quoted = false
    } else if (byte === 0x22) quoted = true
    else if (byte === 0x7b) depth++
    else if (byte === 0x7d && --depth === 0) return at - begin + 1
  }
  return null
}

function parse(text: Buffer): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text.toString('utf8'))
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
