export { judgeConfig } from './config'
export { findConfigs } from './hdf5'
export { kerasH5Reader, kerasReader } from './keras'
