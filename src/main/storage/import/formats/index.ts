export { licenseBeside } from './hub-files'
export type { ModelReader } from './reader'
export { importable, READERS, recognise } from './recognise'
