export type { ModelReader } from './reader'
export { importable, READERS, recognise } from './recognise'
