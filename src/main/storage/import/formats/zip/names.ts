import { crc32 } from './crc32'

/** The upper half of code page 437, which names are in that are not said to be UTF-8; APPNOTE.TXT, appendix D. */
const CODE_PAGE =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0'
const UNICODE_PATH = 0x7075
/** Made on MS-DOS or Windows, where old tools wrote backslashes between folders. */
const BACKSLASH_HOSTS = new Set([0, 11])

/** The name of an entry as every reader sees it: UTF-8 where it is, also beside the plain one, else of the old code page. */
export function nameOf(raw: Buffer, extra: Buffer, host: number): string {
  const name = unicodePath(raw, extra) ?? utf8(raw) ?? codePage(raw)
  return BACKSLASH_HOSTS.has(host) && !name.includes('/') ? name.replaceAll('\\', '/') : name
}

/** A field of the extra ones by its number (APPNOTE.TXT 4.5); null when it is not there. */
export function extraField(extra: Buffer, number: number): Buffer | null {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === number) return extra.subarray(at + 4, Math.min(extra.length, end))
    at = end
  }
  return null
}

/** Counts only while the plain name is the one it was written for (4.6.9). */
function unicodePath(raw: Buffer, extra: Buffer): string | null {
  const field = extraField(extra, UNICODE_PATH)
  if (!field || field.length < 5 || field[0] !== 1 || field.readUInt32LE(1) !== crc32(raw)) return null
  return utf8(field.subarray(5))
}

function utf8(raw: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
  } catch {
    return null // another encoding
  }
}

function codePage(raw: Buffer): string {
  return Array.from(raw, (byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : CODE_PAGE.charAt(byte - 0x80),
  ).join('')
}
