export { judgeConfig } from './config'
export { findConfigs } from './find-configs'
export { kerasH5Reader, kerasReader } from './keras'
