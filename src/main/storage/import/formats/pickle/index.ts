export { PickleError } from './bytes'
export { plainValues, torchScript, weightsOnly } from './globals'
export { ForbiddenGlobal, type PickleReading, readPickle } from './machine'
export type { PickleValue } from './values'
