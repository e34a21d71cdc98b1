export { savedModelReader } from './savedmodel'
