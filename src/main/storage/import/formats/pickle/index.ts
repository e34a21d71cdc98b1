export { PickleError } from './bytes'
export { torchScript, weightsOnly } from './globals'
export { ForbiddenGlobal, readPickle } from './machine'
export type { PickleValue } from './values'
