export { tfjsReader } from './tfjs'
