export { crc32 } from './crc32'
export { assertEntryName, foldedName, looksLikeZip, readEntry, readZip, type ZipEntry } from './zip'
