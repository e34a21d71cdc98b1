export { reachesOut } from './operators'
export { savedModelReader } from './savedmodel'
