export type { ModelDescription, ModelReader } from './reader'
export { importable, READERS, recognise } from './recognise'
