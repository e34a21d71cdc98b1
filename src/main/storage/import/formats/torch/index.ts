export { pickleReader } from './bare'
export { torchReader } from './torch'
