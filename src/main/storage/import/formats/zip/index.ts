export { assertEntryName, looksLikeZip, readEntry, readZip, type ZipEntry } from './zip'
