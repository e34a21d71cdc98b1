export { assertEntryName, foldedName, looksLikeZip, readEntry, readZip, type ZipEntry } from './zip'
