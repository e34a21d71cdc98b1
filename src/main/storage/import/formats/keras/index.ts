export { kerasH5Reader, kerasReader } from './keras'
