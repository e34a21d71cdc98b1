export type { ModelDescription, ModelReader } from './reader'
export { importable, recognise } from './recognise'
