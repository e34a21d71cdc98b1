export { ggufReader } from './gguf'
